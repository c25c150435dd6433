"""One model call from a model's id to settled usage: resolve, stream, retry before the first event, write it down.

The only place where a stored key is opened for a call. Must not know agents, runs or sockets; who the call is for
arrives as plain ids. Everything per token is one `await` and one `yield`.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError

from core import tracing
from core.db import in_db
from core.prepared import Prepared
from core.rows import insert_rows
from core.stop import StopSignal
from llm_providers import metrics
from llm_providers.credentials import access_to
from llm_providers.errors import AuthFailed, ModelGone, ProtocolBroken, ProviderError
from llm_providers.models import LanguageModel, UsageRecord
from llm_providers.pricing import Rates, cost_of
from llm_providers.protocol import (
    Access,
    ChatMessage,
    GatewayEvent,
    ModelEvent,
    ModelInterrupted,
    ModelRequest,
    ModelStopped,
    ReasoningDelta,
    TextDelta,
    ToolArgumentsDelta,
    ToolDefinition,
    UsageReported,
    UsageSettled,
)
from llm_providers.registry import adapter_for
from llm_providers.spans import watch_call
from llm_providers.vault import SecretUnreadable

log = logging.getLogger("platform.gateway")

MAX_RETRIES = 2
MAX_WAIT_SECONDS = 20.0
BASE_WAIT_SECONDS = 0.5
MAX_RESOLVED = 2_000
RESOLVED_SECONDS = 60.0
CHARACTERS_PER_TOKEN = 4  # the rule of thumb for calls that the vendor did not count


@dataclass(frozen=True, slots=True)
class CallAttribution:
    """Who a call is for, as plain ids; "" where it does not apply."""

    run: str = ""
    step: int = 0
    agent: str = ""
    user: str = ""


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """A model that may be called now. Holds the key (never in its repr): hand it on, do not keep it."""

    id: str
    name: str
    label: str
    kind: str
    context_window: int | None
    tools: bool
    access: Access
    rates: Rates | None


Recorder = Callable[[Callable[[], None], Callable[[], None]], None]
"""Takes how to write a row inside some transaction, and how to do it alone should that fail."""

_resolved: OrderedDict[str, tuple[str, float, ResolvedModel]] = OrderedDict()


async def resolve_model(workspace_id: str, model_id: str) -> ResolvedModel:
    """The model and how to reach it. ModelGone, with a sentence for people, when it cannot be used."""
    return await in_db(resolve_now, workspace_id, model_id)


_VERSION = Prepared(
    lambda value: LanguageModel.objects.filter(
        workspace_id=value("workspace"), pk=value("model"), enabled=True, gone_at=None, provider__enabled=True
    ).values_list("provider__revision", "provider__credential__id", "updated_at")
)


def _version_of(revision: int, credential: str | None, updated_at: datetime) -> str:
    return f"{revision}:{credential or ''}:{updated_at.timestamp()}"


def resolve_now(workspace_id: str, model_id: str) -> ResolvedModel:
    """The same on a thread of the database, for callers who are there anyway."""
    known = _resolved.get(model_id)
    if known is not None and known[1] > time.monotonic():
        usable = _VERSION.row(workspace=workspace_id, model=model_id)
        if usable is not None and _version_of(*usable) == known[0]:
            return known[2]
    model = (
        LanguageModel.objects.select_related("provider", "provider__credential")
        .filter(workspace_id=workspace_id, pk=model_id)
        .first()
    )
    if model is None:
        raise ModelGone("The agent's model was removed. Choose another model for the agent.")
    provider = model.provider
    if not provider.enabled:
        raise ModelGone(f"The provider {provider.name} is disabled. Enable it, or choose another model for the agent.")
    if not model.enabled:
        raise ModelGone(f"The model {model} is disabled. Enable it, or choose another model for the agent.")
    if model.gone_at is not None:
        raise ModelGone(f"{provider.name} no longer offers {model}. Choose another model for the agent.")
    credential = getattr(provider, "credential", None)
    version = _version_of(provider.revision, credential.id if credential else None, model.updated_at)
    # Once per change: the price is looked up and the key is opened. The time limit lets a price of a later date begin.
    price = model.price
    try:
        access = access_to(provider)
    except SecretUnreadable as error:
        raise AuthFailed(error.detail) from None
    rates = None if price is None else Rates(price.input, price.output, price.cached_input, price.currency)
    resolved = ResolvedModel(
        id=model.id,
        name=model.name,
        label=str(model),
        kind=provider.kind,
        context_window=model.context_window,
        tools=model.calls_tools,
        access=access,
        rates=rates,
    )
    _resolved[model_id] = (version, time.monotonic() + RESOLVED_SECONDS, resolved)
    while len(_resolved) > MAX_RESOLVED:
        _resolved.popitem(last=False)
    return resolved


async def stream_model(
    *,
    workspace_id: str,
    model_id: str,
    messages: Sequence[ChatMessage],
    tools: Sequence[ToolDefinition] = (),
    max_output_tokens: int | None = None,
    attribution: CallAttribution | None = None,
    stop: StopSignal | None = None,
    resolved: ResolvedModel | None = None,
    record: Recorder | None = None,
    on_text: Callable[[str], None] | None = None,
) -> AsyncGenerator[GatewayEvent]:
    """One model call. Yields ModelEvents, then UsageSettled, then ModelStopped, or ModelInterrupted on a stop.

    Raises ProviderError, after settling what was used. Errors that may pass are tried again (at most twice) while
    nothing has come. Plain text may go to `on_text` at once instead of being yielded; the order stays.

    `resolved` was looked up a moment ago; `record` writes the usage later, but before anything
    that is handed over after it. Closing the iterator or cancelling its task closes the vendor's connection. To be
    iterated by one task: it is the one that a stop interrupts.
    """
    stop = stop or StopSignal()
    task = asyncio.current_task()
    assert task is not None
    model = resolved or await resolve_model(workspace_id, model_id)
    hand_to = on_text or (lambda text: None)

    def hand_on(text: str) -> None:
        if stop.reason is None:
            call.characters += len(text)
            if hear is not None:
                hear(text)
            hand_to(text)

    request = ModelRequest(
        model=model.name,
        messages=tuple(messages),
        tools=tuple(tools),
        max_output_tokens=max_output_tokens,
        context_window=model.context_window,
        on_text=None if on_text is None else hand_on,
    )
    call = _Call(workspace_id, model, request, attribution or CallAttribution(), record)
    watch = call.watch
    hear = watch.hear if watch is not None else None
    outside = tracing.enter(watch.span) if watch is not None else None
    attempt = 0
    try:
        while True:
            final: ModelStopped | None = None
            failure: ProviderError | None = None
            source = adapter_for(model.kind).stream(request, model.access)
            try:
                while stop.reason is None:
                    event: ModelEvent | None = await stop.interruptible(anext(source, None), task)
                    if stop.reason is not None:
                        break
                    if type(event) is TextDelta:  # by far the most frequent
                        call.characters += len(event.text)
                        if hear is not None:
                            hear(event.text)
                        yield event
                    elif isinstance(event, UsageReported):
                        call.reported = event
                    elif isinstance(event, ModelStopped):
                        final = event
                        break
                    elif event is None:
                        raise ProtocolBroken("The provider's answer ended without an end. Try again.")
                    else:
                        call.note(event)
                        yield event
            except ProviderError as error:
                failure = error
            finally:
                await source.aclose()  # type: ignore[attr-defined]
            if stop.reason is not None:
                yield await call.settle("interrupted")
                yield ModelInterrupted()
                return
            if final is not None:
                yield await call.settle("ok", final)
                yield final
                return
            assert failure is not None
            wait = _wait_before(failure, attempt) if not call.characters and not call.reported else None
            if wait is None:
                await call.settle(failure.code)
                raise failure
            attempt += 1
            if watch is not None:
                watch.try_again()
            metrics.RETRIES.labels(model.kind).inc()
            log.info("model call failed before its first event", extra={"code": failure.code, "attempt": attempt})
            await stop.interruptible(asyncio.sleep(wait), task)
    finally:
        if call.settled is None:  # cancelled or closed by the caller, who must not wait for the database
            call.settle_later("abandoned")
        if watch is not None:
            tracing.enter(outside)


def _wait_before(failure: ProviderError, attempt: int) -> float | None:
    """Seconds to wait before the next attempt; None when there is to be none."""
    if not failure.retryable or attempt >= MAX_RETRIES:
        return None
    if failure.retry_after is not None:
        return failure.retry_after if failure.retry_after <= MAX_WAIT_SECONDS else None
    return float(BASE_WAIT_SECONDS * 2**attempt * random.uniform(0.5, 1.5))  # noqa: S311 - jitter, not a secret


class _Call:
    """What is known about one call while it goes on, and how it is settled."""

    def __init__(
        self,
        workspace_id: str,
        model: ResolvedModel,
        request: ModelRequest,
        attribution: CallAttribution,
        record: Recorder | None,
    ) -> None:
        self.workspace_id, self.model, self.request, self.attribution = workspace_id, model, request, attribution
        self.record = record
        self.watch = watch_call(model.access, request)
        self.begun = time.monotonic()
        self.characters = 0  # of everything that the model wrote
        self.reported: UsageReported | None = None
        self.settled: UsageSettled | None = None

    def note(self, event: ModelEvent) -> None:
        """Count what is not plain text."""
        if isinstance(event, ReasoningDelta | ToolArgumentsDelta):
            self.characters += len(event.text)
        else:
            self.characters += 1  # a call was begun: something was sent
        if self.watch is not None:
            self.watch.note(event)

    async def settle(self, outcome: str, final: ModelStopped | None = None) -> UsageSettled:
        """Write the usage down, once. A failure to write is logged: it must not cost the answer."""
        if self.settled is None:
            self.settled = self._usage(outcome)
            self._count(self.settled, outcome)
            if self.watch is not None:
                self.watch.settle(self.settled, outcome, final)
            row = self._row(self.settled, outcome)
            try:
                if self.record is not None:
                    self.record(lambda: insert_rows([row]), lambda: _insert_alone(row))
                else:
                    await in_db(_insert_alone, row)
            except Exception:
                log.exception("usage of a model call could not be recorded")
        return self.settled

    def settle_later(self, outcome: str) -> None:
        self.settled = None
        task = asyncio.get_running_loop().create_task(self.settle(outcome))
        _unfinished.add(task)
        task.add_done_callback(_unfinished.discard)

    def _usage(self, outcome: str) -> UsageSettled:
        usage, estimated = self.reported, False
        if usage is None or (self.characters and not usage.output_tokens):  # some servers report zeros
            estimated = True
            # A call that failed before the model wrote anything is not charged by any vendor.
            begun = bool(self.characters) or outcome in ("ok", "interrupted", "abandoned")
            length = sum(_length(message) for message in self.request.messages) if begun else 0
            usage = UsageReported(-(-length // CHARACTERS_PER_TOKEN), -(-self.characters // CHARACTERS_PER_TOKEN))
        return UsageSettled(usage, cost_of(usage, self.model.rates), estimated)

    def _count(self, settled: UsageSettled, outcome: str) -> None:
        kind, usage = self.model.kind, settled.usage
        metrics.CALL_SECONDS.labels(kind, outcome).observe(time.monotonic() - self.begun)
        metrics.TOKENS.labels(kind, "input").inc(usage.input_tokens)
        metrics.TOKENS.labels(kind, "output").inc(usage.output_tokens)
        if settled.cost is not None:
            metrics.COST.labels(kind, settled.cost.currency).inc(float(settled.cost.amount))

    def _row(self, settled: UsageSettled, outcome: str) -> UsageRecord:
        usage, cost = settled.usage, settled.cost
        return UsageRecord(
            workspace_id=self.workspace_id,
            model_id=self.model.id,
            model_name=self.model.label,
            provider_kind=self.model.kind,
            agent=self.attribution.agent,
            user=self.attribution.user,
            run=self.attribution.run,
            step=self.attribution.step,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            reasoning_tokens=usage.reasoning_tokens,
            cached_tokens=usage.cached_tokens,
            cost_amount=cost.amount if cost else None,
            cost_currency=cost.currency if cost else "",
            estimated=settled.estimated,
            outcome=outcome,
        )


def _insert_alone(row: UsageRecord) -> None:
    try:
        insert_rows([row])
    except IntegrityError:  # the model was deleted meanwhile: the usage stays
        row.model = None
        insert_rows([row])


def _length(message: ChatMessage) -> int:
    calls = getattr(message, "tool_calls", ())
    return len(message.text) + sum(len(call.name) + len(str(dict(call.arguments))) for call in calls)


_unfinished: set[asyncio.Task[UsageSettled]] = set()
