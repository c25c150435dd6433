"""Questions that are asked together: each is answered, whoever comes when the others leave."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

from core.together import VISITS, Together


async def test_a_question_asked_just_as_the_last_visits_end_is_answered() -> None:
    """All visits end in one turn of the loop; who asks in the next is not taken for one whom they still see."""
    loop = asyncio.get_running_loop()
    looking = [threading.Event() for _ in range(VISITS)]
    let_go = threading.Event()

    def find(questions: Sequence[int]) -> list[int]:
        if questions[0] < VISITS:
            looking[questions[0]].set()
            assert let_go.wait(10)
        return [question * 2 for question in questions]

    def hold() -> None:
        """Stop the loop until the visits' threads have done their work: their answers come in the same turn."""
        let_go.set()
        for thread in threading.enumerate():
            if thread.name.startswith("orm"):
                thread.join(0.1)  # a pool's thread does not end: this waits, that is all

    async def ask_twice() -> tuple[int, int]:
        return await together.ask(0), await together.ask(100)

    together: Together[int, int] = Together(find)
    first = asyncio.create_task(ask_twice())
    assert await asyncio.to_thread(looking[0].wait, 10)
    others = []
    for number in range(1, VISITS):  # one after the other, or one visit would take them all along
        others.append(asyncio.create_task(together.ask(number)))
        assert await asyncio.to_thread(looking[number].wait, 10)
    loop.call_soon(hold)
    async with asyncio.timeout(5):
        assert await first == (0, 200)
        assert await asyncio.gather(*others) == [number * 2 for number in range(1, VISITS)]
