"""Whose work a line of the log belongs to: it follows the work into the database's threads and does not stay there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from core.db import POOL_SIZE, in_db
from core.request_context import begin_request, belongs_to, current_facts, current_request_id
from core.together import Together


async def test_a_database_thread_knows_whose_work_it_does_and_forgets_it() -> None:
    def look(user: str) -> tuple[str, str]:
        belongs_to(user=user)  # as signing in does
        return current_request_id(), current_facts()["user"]

    async def person(number: int) -> tuple[str, str]:
        begin_request(f"request-{number:03}")
        return await in_db(look, f"user {number}")

    found = await asyncio.gather(*(person(number) for number in range(5 * POOL_SIZE)))
    assert found == [(f"request-{number:03}", f"user {number}") for number in range(5 * POOL_SIZE)]
    begin_request("nobody-0001")
    nobody = await asyncio.gather(*(in_db(lambda: dict(current_facts())) for _ in range(2 * POOL_SIZE)))
    assert nobody == [{}] * (2 * POOL_SIZE)


async def test_what_is_asked_together_is_not_told_as_the_first_ones() -> None:
    def find(questions: Sequence[int]) -> list[str]:
        return [current_request_id()] * len(questions)

    begin_request("the-first-0001")
    assert await Together(find).ask(1) == ""
