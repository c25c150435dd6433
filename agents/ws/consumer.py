"""One socket: reads the client's frames, checks each one's right, and lets the outbox deliver. It never changes anything.

Must not know: how runs are carried on, where frames come from.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any, ClassVar

import orjson
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from accounts.tokens import Principal
from agents.runtime.hub import Watch, hub
from agents.runtime.lookout import learn
from agents.runtime.metrics import SOCKETS_CLOSED
from agents.runtime.notices import Notice, notices
from agents.ws import authority
from agents.ws import messages as m
from agents.ws.outbox import Outbox, Overfull
from agents.ws.sockets import (
    CLOSE_MALFORMED,
    CLOSE_NOT_ALLOWED,
    CLOSE_NOT_SIGNED_IN,
    CLOSE_OVERLOADED,
    CLOSE_RESTARTING,
    CLOSE_TOO_BIG,
    CLOSE_TOO_SLOW,
    sockets,
)
from core.db import in_db
from core.errors import DomainError, NotAuthenticated, TooManyRequests
from core.ids import ID_PATTERN
from core.request_context import begin_request, belongs_to
from core.together import Together

log = logging.getLogger(__name__)

SUBSCRIPTIONS = 200
FRAMES_PER_SECOND = 50
FRAME_BURST = 250
LATE_SECONDS = 0.2
#: For so long a run that has ended is still asked about with those that go on.
ENDED_LATELY = 10.0

# After a restart thousands come back in the same second.
_signing_in = Together(authority.sign_in_all)
_looking = Together(authority.look_at_all_runs)


class RunSocket(AsyncWebsocketConsumer):
    """/ws/v1/"""

    sign_in_seconds: ClassVar[float] = 5.0
    _deadline: asyncio.TimerHandle
    _shut = True

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            if not self._shut:  # cancelled, or failed inside: leave nothing behind
                self._leave()

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Channels' own hops to a thread on every message, to close connections; core.db looks after ours."""
        kind = message["type"]
        if kind == "websocket.receive":
            await self.websocket_receive(message)
        elif kind == "websocket.connect":
            await self.websocket_connect(message)
        elif kind == "websocket.disconnect":
            await self.websocket_disconnect(message)

    async def websocket_connect(self, message: dict[str, Any]) -> None:
        self.principal: Principal | None = None
        self._shut = False
        self._watches: dict[str, tuple[Watch, str]] = {}
        self._topics: dict[str, tuple[authority.TopicRight, bool]] = {}
        self._ended: dict[str, tuple[str, float]] = {}
        self._tokens_left, self._counted_at = float(FRAME_BURST), time.monotonic()
        self._number = sockets.enter(self)
        begin_request(dict(self.scope.get("headers", ())).get(b"x-request-id", b"").decode("latin-1"))
        await self.accept()
        self._outbox = Outbox(
            self.scope["extensions"]["aap.line"], on_ended=self._run_ended, on_failed=self._sending_failed
        )
        self._expect_sign_in()
        if sockets.restarting:
            await self.shut(CLOSE_RESTARTING)

    async def websocket_disconnect(self, message: dict[str, Any]) -> None:
        self._leave()
        raise StopConsumer

    async def websocket_receive(self, message: dict[str, Any]) -> None:
        if self._shut:
            return
        if not self._within_rate():
            await self.shut(CLOSE_OVERLOADED)
            return
        try:
            frame = m.parse_frame(message.get("text"))
            await self._handle(frame)
        except m.Malformed:
            await self.shut(CLOSE_MALFORMED)
        except m.TooBig:
            await self.shut(CLOSE_TOO_BIG)
        except NotAuthenticated:
            await self.shut(CLOSE_NOT_SIGNED_IN)
        except (Overfull, TooManyRequests):
            await self.shut(CLOSE_OVERLOADED)
        except Exception:
            log.exception("a socket failed inside")
            await self.shut(1011)

    async def _handle(self, frame: m.ClientFrame) -> None:
        if isinstance(frame, m.Authenticate):
            await self._authenticate(frame)
            return
        if self.principal is None:
            raise NotAuthenticated
        await self._count(self.principal)
        match frame:
            case m.SubscribeRun():
                await self._subscribe_run(self.principal, frame)
            case m.SubscribeTopic():
                await self._subscribe_topic(self.principal, frame)
            case m.Unsubscribe(run=run, topic=topic):
                await in_db(authority.still_signed_in, self.principal)
                self._drop_run(run or "")
                self._drop_topic(topic or "")
            case m.Ping():
                await in_db(authority.still_signed_in, self.principal)
                self._outbox.put('{"type":"pong"}')

    # --- Signing in ----------------------------------------------------------------------------------------------------

    async def _authenticate(self, frame: m.Authenticate) -> None:
        if self.principal is None:
            self._deadline.cancel()  # the client was in time; how long we take to look is not its fault
        client = self.scope.get("client") or (None,)
        forwarded = dict(self.scope.get("headers", ())).get(b"x-forwarded-for", b"").decode("latin-1")
        signed_in = await _signing_in.ask(authority.Credential(frame.token, client[0], forwarded))
        await self._count(signed_in.principal)
        if self._shut:
            return
        if self.principal is None:
            if not sockets.admit(self._number, signed_in.principal):
                await self.shut(CLOSE_OVERLOADED)
                return
        elif self.principal.key != signed_in.principal.key:
            raise NotAuthenticated
        self.principal = signed_in.principal
        belongs_to(user=self.principal.user_id)
        self._deadline.cancel()
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(signed_in.expires_in, self._shut_soon, CLOSE_NOT_SIGNED_IN)
        self._outbox.put(f'{{"type":"ready","expires_in":{signed_in.expires_in}}}')

    def _expect_sign_in(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self.sign_in_seconds
        self._deadline = loop.call_at(due, self._not_signed_in, due)

    def _not_signed_in(self, due: float) -> None:
        if asyncio.get_running_loop().time() - due > LATE_SECONDS:
            self._expect_sign_in()  # we are late ourselves: its sign-in may wait to be read
        else:
            self._shut_soon(CLOSE_TOO_SLOW)

    # --- Runs ----------------------------------------------------------------------------------------------------------

    async def _subscribe_run(self, principal: Principal, frame: m.SubscribeRun) -> None:
        if not self._has_room("run", frame.run):
            return
        if not ID_PATTERN.match(frame.run):
            self._refuse("run", frame.run, "not_found", "There is no such run, or it is not shared with you.")
            return
        try:
            look, workspace = await _looking.ask(authority.RunWish(principal, frame.run))
        except NotAuthenticated:
            raise
        except DomainError as error:
            self._refuse("run", frame.run, error.code, error.detail)
            return
        if self._shut:
            return
        self._drop_run(frame.run)
        channel = hub.channel(frame.run)
        resume = (frame.message, frame.offset) if frame.message is not None else None
        after = min(frame.after_seq, max(look.last_seq, channel.last_seq))
        watch = hub.watch(frame.run, self._outbox, after_seq=after, resume=resume)
        self._watches[frame.run] = (watch, workspace)
        log.debug("a socket follows run %s", frame.run, extra={"run": frame.run, "workspace": workspace})
        learn(channel, look)
        self._wake(watch)

    def _follow(self, run: str, workspace: str) -> None:
        """A run starts in a conversation that is followed; whose it is was checked with the topic."""
        if run not in self._watches and self._has_room("run", run):
            watch = hub.watch(run, self._outbox, after_seq=0)
            self._watches[run] = (watch, workspace)
            self._wake(watch)

    def _wake(self, watch: Watch) -> None:
        if not watch.dirty:
            watch.dirty = True
            self._outbox.wake(watch)

    def _run_ended(self, watch: Watch) -> None:
        held = self._watches.get(watch.channel.run)
        if held is not None and held[0] is watch:
            del self._watches[watch.channel.run]
            self._ended[watch.channel.run] = held[1], time.monotonic()

    def _drop_run(self, run: str) -> None:
        held = self._watches.pop(run, None)
        if held is not None:
            hub.leave(held[0])

    # --- Topics --------------------------------------------------------------------------------------------------------

    async def _subscribe_topic(self, principal: Principal, frame: m.SubscribeTopic) -> None:
        if not self._has_room("topic", frame.topic):
            return
        if frame.follow and not frame.topic.startswith("conversation:"):
            self._refuse("topic", frame.topic, "invalid", "Only a conversation can be followed.")
            return
        try:
            right = await in_db(authority.look_at_topic, principal, frame.topic)
        except NotAuthenticated:
            raise
        except DomainError as error:
            self._refuse("topic", frame.topic, error.code, error.detail)
            return
        if self._shut:
            return
        self._drop_topic(frame.topic)
        self._topics[frame.topic] = (right, frame.follow)
        notices.listen(right.topic, self._noticed)
        self._outbox.put(orjson.dumps({"type": "subscribed", "topic": frame.topic}).decode())

    def _noticed(self, topic: str, notice: Notice) -> None:
        for name, (right, follow) in list(self._topics.items()):
            if right.topic != topic or not (right.everybody or notice.starter == right.user):
                continue
            try:
                self._outbox.put(
                    orjson.dumps({"type": "notice", "topic": name, "run": notice.run, "what": notice.what}).decode()
                )
                if follow and notice.what == "run.queued":
                    self._follow(notice.run, right.workspace)
            except Overfull:
                self._shut_soon(CLOSE_OVERLOADED)

    def _drop_topic(self, name: str) -> None:
        held = self._topics.pop(name, None)
        if held is not None and all(right.topic != held[0].topic for right, _ in self._topics.values()):
            notices.leave(held[0].topic, self._noticed)

    # --- The socket ----------------------------------------------------------------------------------------------------

    def watched(self, principal: Principal) -> authority.Watched:
        runs: dict[str, set[str]] = {}
        for run, (_, workspace) in self._watches.items():
            runs.setdefault(workspace, set()).add(run)
        # Whoever loses their rights has their runs stopped, which may end the last watch before this question comes.
        lately = time.monotonic() - ENDED_LATELY
        self._ended = {run: held for run, held in self._ended.items() if held[1] > lately}
        for run, (workspace, _) in self._ended.items():
            runs.setdefault(workspace, set()).add(run)
        return authority.Watched(principal, runs, [right for right, _ in self._topics.values()])

    async def shut(self, code: int) -> None:
        """Stop delivering and close."""
        if self._shut:
            return
        self._leave()
        SOCKETS_CLOSED.labels(code).inc()
        log.info("a socket is closed with code %s", code)
        try:
            await self.close(code=code)
        except Exception:  # a server that refuses the code: any end is better than a socket that stays silent
            log.exception("the close code %s could not be sent", code)
            await self.close(code=1000)

    def _shut_soon(self, code: int) -> None:
        self._closing = asyncio.ensure_future(self.shut(code))

    def _leave(self) -> None:
        self._shut = True
        sockets.leave(self._number)
        self._deadline.cancel()
        self._outbox.close()
        for run in list(self._watches):
            self._drop_run(run)
        for topic in list(self._topics):
            self._drop_topic(topic)

    def _sending_failed(self, error: Exception) -> None:
        if not self._shut:
            log.error("a socket could not be served", exc_info=error)
            self._shut_soon(CLOSE_NOT_ALLOWED if isinstance(error, DomainError) else 1011)

    def _has_room(self, what: str, name: str) -> bool:
        if name in self._watches or name in self._topics or len(self._watches) + len(self._topics) < SUBSCRIPTIONS:
            return True
        self._refuse(
            what, name, "too_many_subscriptions", f"One socket carries {SUBSCRIPTIONS} subscriptions. Drop one first."
        )
        return False

    def _refuse(self, what: str, name: str, code: str, detail: str) -> None:
        self._outbox.put(orjson.dumps({"type": "error", what: name, "code": code, "detail": detail}).decode())

    async def _count(self, principal: Principal) -> None:
        """People's frames have the socket's own rate alone: a page that comes back asks for many things at once."""
        if principal.token is not None:
            await in_db(authority.count_frame, principal)

    def _within_rate(self) -> bool:
        if settings.RATE_LIMITS == "off":
            return True
        moment = time.monotonic()
        self._tokens_left = min(FRAME_BURST, self._tokens_left + (moment - self._counted_at) * FRAMES_PER_SECOND)
        self._counted_at = moment
        self._tokens_left -= 1
        return self._tokens_left >= 0
