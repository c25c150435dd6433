"""A run as server-sent events: the socket's frames for clients without one. `runs/{id}/stream/`."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from accounts.rest.authentication import async_actor
from agents.runtime.hub import Watch, hub
from agents.runtime.lookout import learn
from agents.runtime.reading import RunLook, look_for, read_events
from agents.selectors.runs import runs_visible_to
from core.authz import Actor, Permission
from core.db import in_db
from core.errors import DomainError, MethodRefused, NotFound, ValidationFailed
from core.rest.problem import problem_response

HEARTBEAT_SECONDS = 15.0
CHECK_SECONDS = 3.0
_EVENT = re.compile(r'^\{"type":"event","run":"[^"]*","seq":(\d+)')


async def run_stream(request: HttpRequest, workspace: str, run_id: str) -> HttpResponseBase:
    """The view. 204 when `Last-Event-ID` is at or past the end of an ended run, so that browsers stop asking.

    Refusals are problems like everywhere in the API.
    """
    if request.method not in ("GET", "HEAD"):
        return problem_response(MethodRefused(headers={"Allow": "GET, HEAD"}))
    try:
        if request.GET:
            raise ValidationFailed("This address takes no query parameters.", code="unknown_parameter")
        actor = await async_actor(request, workspace, Permission.RUN_VIEW)
        look = await in_db(_look, actor, run_id)
    except DomainError as error:
        return problem_response(error)
    last_id = request.headers.get("Last-Event-ID", "").strip()
    after = int(last_id) if re.fullmatch(r"[0-9]{1,18}", last_id) else 0
    if look.ended and after >= look.last_seq and look.last_seq:
        return HttpResponse(status=204)

    async def still_allowed() -> bool:
        try:
            return await in_db(_sees, await async_actor(request, workspace, Permission.RUN_VIEW), run_id)
        except DomainError:
            return False

    frames = _stream(look, min(after, look.last_seq), still_allowed)
    response = StreamingHttpResponse(frames, content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


def _sees(actor: Actor, run: str) -> bool:
    return runs_visible_to(actor).filter(pk=run).exists()


def _look(actor: Actor, run: str) -> RunLook:
    look = look_for(actor, run)
    if look is None:
        raise NotFound()
    return look


class _Signal:
    """The hub's watcher of one stream."""

    def __init__(self) -> None:
        self.event = asyncio.Event()

    def wake_now(self, watch: Watch) -> None:
        self.wake(watch)

    def wake(self, watch: Watch) -> None:
        self.event.set()


async def _stream(look: RunLook, after: int, still_allowed: Callable[[], Awaitable[bool]]) -> AsyncIterator[bytes]:
    signal = _Signal()
    channel = hub.channel(look.run)
    watch = hub.watch(look.run, signal, after_seq=after)
    learn(channel, look)
    loop = asyncio.get_running_loop()
    checked = spoken = loop.time()
    try:
        while not watch.ended:
            if loop.time() - checked >= CHECK_SECONDS:
                checked = loop.time()
                if not await still_allowed():
                    return
            owed = await _take(watch, signal)
            if owed:
                yield b"".join([_block(frame) for frame in owed])
                spoken = loop.time()
                continue
            try:
                async with asyncio.timeout(CHECK_SECONDS):
                    await signal.event.wait()
            except TimeoutError:
                if loop.time() - spoken >= HEARTBEAT_SECONDS - CHECK_SECONDS:
                    spoken = loop.time()
                    yield b": still here\n\n"
    finally:
        hub.leave(watch)


async def _take(watch: Watch, signal: _Signal) -> list[str]:
    watch.dirty = False
    signal.event.clear()
    if watch.behind_ring:
        owed = watch.replay(await in_db(read_events, watch.channel.run, after=watch.cursor))
        if not owed:
            await asyncio.sleep(0.2)
        signal.event.set()  # there may be more to read
        return owed
    return [frame for frame in watch.take() if not frame.startswith('{"type":"caught_up"')]


def _block(frame: str) -> bytes:
    found = _EVENT.match(frame)
    head = f"id: {found.group(1)}\n" if found else ""
    return f"{head}data: {frame}\n\n".encode()


run_stream.permission = Permission.RUN_VIEW  # type: ignore[attr-defined]  # what the route guard reads
