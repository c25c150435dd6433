"""All open sockets of this process: counted per person, checked for revoked rights, closed together at a restart.

Must not know frames. On the event loop.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import Counter
from typing import Protocol

from django.conf import settings

from accounts.tokens import Principal
from agents.runtime.metrics import OPEN_SOCKETS, SOCKETS_OPENED
from agents.ws import authority
from core.db import in_db

log = logging.getLogger(__name__)

CHECK_SECONDS = 3.0

CLOSE_MALFORMED = 4400
CLOSE_NOT_SIGNED_IN = 4401
CLOSE_NOT_ALLOWED = 4403
CLOSE_TOO_SLOW = 4408
CLOSE_TOO_BIG = 1009
CLOSE_RESTARTING = 1012
CLOSE_OVERLOADED = 1013


class OpenSocket(Protocol):
    principal: Principal | None

    async def shut(self, code: int) -> None: ...

    def watched(self, principal: Principal) -> authority.Watched:
        """What it delivers now."""
        ...


class Sockets:
    def __init__(self) -> None:
        self._open: dict[int, OpenSocket] = {}
        self._people: dict[int, str] = {}
        self._of_person: Counter[str] = Counter()  # kept, not counted: thousands may come back in the same second
        self._numbers = itertools.count(1)
        self._checker: asyncio.Task[None] | None = None
        self.restarting = False

    def enter(self, socket: OpenSocket) -> int:
        number = next(self._numbers)
        self._open[number] = socket
        SOCKETS_OPENED.inc()
        OPEN_SOCKETS.set(len(self._open))
        if self._checker is None or self._checker.done() or self._checker.get_loop() is not asyncio.get_running_loop():
            self._checker = asyncio.create_task(self._check_forever(), name="revocations")
        return number

    def leave(self, number: int) -> None:
        self._open.pop(number, None)
        person = self._people.pop(number, None)
        if person is not None:
            self._of_person[person] -= 1
            if not self._of_person[person]:
                del self._of_person[person]
        OPEN_SOCKETS.set(len(self._open))

    def admit(self, number: int, principal: Principal) -> bool:
        """Count the socket as this person's; False when they have as many as they may."""
        person = principal.key
        limits = settings.RATE_LIMITS
        if limits != "off" and self._of_person[person] >= settings.SOCKETS_PER_USER * float(limits):
            return False
        self._people[number] = person
        self._of_person[person] += 1
        return True

    async def close_all(self, code: int = CLOSE_RESTARTING) -> None:
        """For the drain of a stopping server: everybody is told to come back."""
        self.restarting = True
        for socket in list(self._open.values()):
            await socket.shut(code)

    async def _check_forever(self) -> None:
        while self._open:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                await self._check()
            except Exception:
                log.exception("revocations could not be looked up; trying again")

    async def _check(self) -> None:
        watched = {}
        for number, socket in self._open.items():
            if socket.principal is not None:
                watched[number] = socket.watched(socket.principal)
        if not watched:
            return
        ended, refused = await in_db(authority.check_watchers, watched)
        for numbers, code in ((ended, CLOSE_NOT_SIGNED_IN), (refused, CLOSE_NOT_ALLOWED)):
            for number in numbers:
                socket = self._open.get(number)  # type: ignore[assignment]
                if socket is not None and socket.principal is watched[number].principal:
                    await socket.shut(code)


sockets = Sockets()
