"""The real runtime on a real database inside a test's event loop, and a watcher that records frames."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from django.conf import settings

from agents.models import Run
from agents.runtime.embedded import start_embedded, stop_embedded
from agents.runtime.hub import Watch, hub
from agents.runtime.lookout import learn
from agents.runtime.reading import look_at_runs, read_events
from core.db import in_db
from jobs.embedded import SWEEP_SECONDS
from tests.fixtures import front


@asynccontextmanager
async def runtime(*, patience: float = 0.0, sweep_seconds: float = SWEEP_SECONDS) -> AsyncIterator[None]:
    """Somebody who carries runs on: this process, or the workers of the installation that the tests knock at."""
    if front.door is not None:
        front.work()
        yield
        return
    await start_embedded(settings.DATA_DIR, sweep_seconds=sweep_seconds)
    try:
        yield
    finally:
        await stop_embedded(patience=patience)


async def post(api: Any, path: str, body: Any = None, status: int = 202) -> Any:
    answer = await in_db(api.post, path, body)
    assert answer.status_code == status, answer.content
    return answer.data


async def start(api: Any, agent: Any, text: str, **more: Any) -> str:
    """Start a run; returns its id."""
    return str((await post(api, "runs/", {"agent": agent["id"], "input": {"text": text}, **more}))["id"])


async def until(check: Callable[[], Any], timeout: float = 15) -> Any:
    """Wait until `check`, run in the database's threads, gives something true."""
    async with asyncio.timeout(timeout):
        while not (found := await in_db(check)):
            await asyncio.sleep(0.02)
        return found


async def ended(run: str, timeout: float = 15) -> Run:
    done: Run = await until(lambda: Run.objects.filter(pk=run, status__in=Run.TERMINAL).first(), timeout)
    return done


class Follower:
    """Takes frames like a socket does, and checks the promises of the protocol while it does."""

    def __init__(self, run: str, after: int = 0, resume: tuple[str, int] | None = None) -> None:
        self.run = run
        self.frames: list[dict[str, Any]] = []
        self.texts: dict[str, str] = {}
        self.open: set[str] = set()
        self.done: dict[str, str] = {}
        self._event = asyncio.Event()
        self.after = after
        self.resume = resume
        self.watch: Watch | None = None

    def wake_now(self, watch: Watch) -> None:
        self.wake(watch)

    def wake(self, watch: Watch) -> None:
        self._event.set()

    async def follow(self, *, stop_at: int | None = None, timeout: float = 20) -> None:
        """Until the terminal event, or `stop_at` frames."""
        look = (await in_db(look_at_runs, [self.run]))[0]
        channel = hub.channel(self.run)
        watch = self.watch = hub.watch(self.run, self, after_seq=self.after, resume=self.resume)
        learn(channel, look)
        try:
            async with asyncio.timeout(timeout):
                while not (watch.ended and watch.live):
                    watch.dirty = False
                    self._event.clear()
                    if watch.behind_ring:
                        owed = watch.replay(await in_db(read_events, self.run, after=watch.cursor))
                    else:
                        owed = watch.take()
                    for frame in owed:
                        self.take(json.loads(frame))
                        if stop_at is not None and len(self.frames) >= stop_at:
                            return
                    if not owed:
                        await self._event.wait()
        finally:
            hub.leave(watch)

    async def follow_until_text(self, timeout: float = 20) -> None:
        """Until the model has said something."""
        following = asyncio.create_task(self.follow(timeout=timeout))
        while not self.texts and not following.done():
            await asyncio.sleep(0.01)
        following.cancel()
        await asyncio.wait({following})
        assert self.texts, f"no text came: {self.frames}"

    def take(self, frame: dict[str, Any]) -> None:
        self.frames.append(frame)
        if frame["type"] == "delta":
            key = frame["message"] + (":" + frame["part"] if "part" in frame else "")
            assert frame["message"] in self.open or self.resume, "text before message.started or after its end"
            have = self.texts.get(key, "")
            assert frame["offset"] <= len(have), "a gap in the text"
            overlap = have[frame["offset"] :]
            assert frame["text"].startswith(overlap) or overlap.startswith(frame["text"])
            self.texts[key] = have[: frame["offset"]] + frame["text"]
        elif frame["type"] == "event":
            event = frame["event"]
            assert frame["seq"] == self.after + 1, "events are dense and in order"
            self.after = frame["seq"]
            if event["type"] == "message.started":
                self.open.add(event["message"])
            elif event["type"] == "message.completed":
                self.open.discard(event["message"])
                self.done[event["message"]] = event["text"]
            elif event["type"] == "step.restarted":
                self.open -= set(event["dropped"])
