"""Model calls through the gateway: resolution, retries, stopping, settling."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from core.egress.tests.listeners import Listener, chunk, listening, read_request, stream_head, whole
from core.money import Money
from core.stop import StopSignal
from llm_providers.credentials import store_key
from llm_providers.errors import AuthFailed, ModelGone, Overloaded, ProtocolBroken, ProviderError, RateLimited
from llm_providers.gateway import CallAttribution, resolve_model, stream_model
from llm_providers.models import LanguageModel, Price, Provider, ProviderCredential, UsageRecord
from llm_providers.protocol import (
    GatewayEvent,
    ModelInterrupted,
    ModelStopped,
    TextDelta,
    UsageReported,
    UsageSettled,
    UserMessage,
)
from llm_providers.tests.dialects import DIALECTS

pytestmark = pytest.mark.django_db(transaction=True)
CHAT = next(dialect for dialect in DIALECTS if dialect.kind == "openai_compatible")


class Vendor:
    """Answers each request with the next of `answers`: (status, headers) or stream parts; the last one repeats."""

    def __init__(self, *answers: Any, gap: float = 0.0) -> None:
        self.answers, self.gap, self.asked = list(answers), gap, 0

    async def answer(self, listener: Listener, reader: Any, writer: Any) -> None:
        while await read_request(listener, reader):
            answer = self.answers[min(self.asked, len(self.answers) - 1)]
            self.asked += 1
            if isinstance(answer, tuple):
                writer.write(whole(b'{"error": {"message": "no", "type": "x"}}', *answer))
                continue
            writer.write(stream_head())
            for part in answer:
                writer.write(chunk(part))
                await writer.drain()
                await asyncio.sleep(self.gap)
            writer.write(b"0\r\n\r\n")


@pytest.fixture
def connect(workspace: Any, settings: Any) -> Any:
    def make(listener: Listener, kind: str = "openai_compatible") -> LanguageModel:
        settings.ALLOWED_PRIVATE_HOSTS = (listener.authority,)
        provider = Provider.objects.create(workspace=workspace, kind=kind, name="P", base_url=listener.url + "/v1")
        store_key(provider, "sk-canary-gateway-00001")
        model = LanguageModel.objects.create(workspace=workspace, provider=provider, name="m", label="Em")
        Price.objects.create(model=model, input=Decimal(1), output=Decimal(10))
        return model

    return make


async def call(model: LanguageModel, *, stop: StopSignal | None = None, into: list[GatewayEvent] | None = None) -> Any:
    events: list[GatewayEvent] = [] if into is None else into
    stream = stream_model(
        workspace_id=model.workspace_id,
        model_id=model.id,
        messages=[UserMessage("hi")],
        attribution=CallAttribution(run="run_1", step=2, agent="agt_1", user="usr_1"),
        stop=stop,
    )
    async for event in stream:
        events.append(event)
    return events


async def usage_records() -> list[UsageRecord]:
    return [record async for record in UsageRecord.objects.order_by("at")]


async def test_a_call_ends_with_settled_usage_and_a_record(connect: Any) -> None:
    vendor = Vendor(CHAT.text(["one ", "two"]))
    async with listening(vendor.answer) as listener:
        model = await asyncio.to_thread(connect, listener)
        events = await call(model)
        assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "one two"
        assert events[-2:] == [
            UsageSettled(UsageReported(3, 5), Money(Decimal("0.000053"), "USD"), False),
            ModelStopped("stop"),
        ]
        assert b"Authorization: Bearer sk-canary-gateway-00001" in listener.heads[0] or (
            b"authorization: bearer sk-canary-gateway-00001" in listener.heads[0].lower()
        )
    (record,) = await usage_records()
    assert (record.run, record.step, record.agent, record.user) == ("run_1", 2, "agt_1", "usr_1")
    assert (record.outcome, record.model_name, record.cost_amount) == ("ok", "Em", Decimal("0.000053"))


@pytest.mark.parametrize(
    "first",
    [
        (b"429 Slow", b"Retry-After: 0\r\n"),
        (b"503 Busy", b""),
        [CHAT.error("overloaded_error", "busy")],
        [b""],
    ],
)
async def test_incident_3_22_what_may_pass_is_tried_again_before_the_first_event(connect: Any, first: Any) -> None:
    if first == [b""]:
        pytest.skip("an empty answer is broken, not busy")
    vendor = Vendor(first, CHAT.text(["text"]))
    async with listening(vendor.answer) as listener:
        model = await asyncio.to_thread(connect, listener)
        events = await call(model)
        assert vendor.asked == 2
        assert [event for event in events if isinstance(event, TextDelta)] == [TextDelta("text")]
        assert len(await usage_records()) == 1


async def test_three_failures_are_enough(connect: Any) -> None:
    vendor = Vendor((b"429 Slow", b"Retry-After: 0\r\n"))
    async with listening(vendor.answer) as listener:
        model = await asyncio.to_thread(connect, listener)
        with pytest.raises(RateLimited):
            await call(model)
        assert vendor.asked == 3
    (record,) = await usage_records()
    assert (record.outcome, record.input_tokens, record.cost_amount) == ("provider_rate_limited", 0, Decimal(0))


@pytest.mark.parametrize(
    ("answer", "error"), [((b"401 No",), AuthFailed), ((b"429 Slow", b"Retry-After: 60\r\n"), RateLimited)]
)
async def test_what_will_not_pass_soon_is_not_tried_again(
    connect: Any, answer: Any, error: type[ProviderError]
) -> None:
    vendor = Vendor(answer)
    async with listening(vendor.answer) as listener:
        model = await asyncio.to_thread(connect, listener)
        with pytest.raises(error):
            await call(model)
        assert vendor.asked == 1


async def test_incident_3_22_after_the_first_event_nothing_is_tried_again(connect: Any) -> None:
    vendor = Vendor([*CHAT.text(["partial"])[:2], CHAT.error("overloaded_error", "busy")])
    async with listening(vendor.answer) as listener:
        model = await asyncio.to_thread(connect, listener)
        events: list[GatewayEvent] = []
        with pytest.raises(Overloaded):
            await call(model, into=events)
        assert vendor.asked == 1
        assert events == [TextDelta("partial")]
    (record,) = await usage_records()
    assert (record.outcome, record.estimated) == ("provider_overloaded", True)
    assert record.output_tokens == 2


async def test_a_cut_answer_is_settled_by_estimate(connect: Any) -> None:
    vendor = Vendor(CHAT.text(["12345678"])[:2])
    async with listening(vendor.answer) as listener:
        model = await asyncio.to_thread(connect, listener)
        with pytest.raises(ProtocolBroken):
            await call(model)
    (record,) = await usage_records()
    assert (record.output_tokens, record.estimated) == (2, True)


async def becomes(true: Callable[[], bool]) -> bool:
    """Whether `true` comes true within five seconds."""
    for _ in range(500):
        if true():
            return True
        await asyncio.sleep(0.01)
    return False


@pytest.mark.parametrize("when", ["before", "between", "retrying"])
async def test_a_stop_interrupts_whatever_is_waited_for(connect: Any, when: str) -> None:
    vendor = Vendor((b"429 Slow", b"Retry-After: 15\r\n") if when == "retrying" else CHAT.text(["x"] * 300), gap=0.05)
    stop = StopSignal()
    async with listening(vendor.answer) as listener:
        model = await asyncio.to_thread(connect, listener)
        events: list[GatewayEvent] = []

        async def ask_to_stop() -> None:
            while when == "between" and not any(isinstance(event, TextDelta) for event in events):
                await asyncio.sleep(0.01)
            while when == "retrying" and not vendor.asked:
                await asyncio.sleep(0.01)
            stop.request("cancel")

        if when == "before":
            stop.request("cancel")
        asking = asyncio.create_task(ask_to_stop())
        begun = time.monotonic()
        await call(model, stop=stop, into=events)
        await asking
        assert time.monotonic() - begun < 12, "neither the whole answer nor the Retry-After was waited for"
        assert isinstance(events[-1], ModelInterrupted)
        assert isinstance(events[-2], UsageSettled)
        assert events[-2].estimated
        assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]
        if when == "between":
            assert await becomes(lambda: listener.closed == 1)
    (record,) = await usage_records()
    assert record.outcome == "interrupted"


async def test_a_cancelled_task_closes_the_connection_and_is_recorded(connect: Any) -> None:
    vendor = Vendor(CHAT.text(["x"] * 300), gap=0.02)
    async with listening(vendor.answer) as listener:
        model = await asyncio.to_thread(connect, listener)
        task = asyncio.create_task(call(model))
        while not vendor.asked:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await becomes(lambda: listener.closed == 1)
    (record,) = await usage_records()
    assert record.outcome == "abandoned"


async def test_what_cannot_be_used_says_why(connect: Any, make_workspace: Any) -> None:
    async with listening() as listener:
        model = await asyncio.to_thread(connect, listener)
        stranger = await asyncio.to_thread(make_workspace, "South")
        for known in (False, True):  # also once its own workspace has used it
            with pytest.raises(ModelGone, match="removed"):
                await resolve_model(stranger.id, model.id)
            assert known or (await resolve_model(model.workspace_id, model.id))
        await LanguageModel.objects.filter(pk=model.pk).aupdate(enabled=False)
        with pytest.raises(ModelGone, match="model Em is disabled"):
            await resolve_model(model.workspace_id, model.id)
        await Provider.objects.all().aupdate(enabled=False)
        with pytest.raises(ModelGone, match="provider P is disabled"):
            await resolve_model(model.workspace_id, model.id)
        await Provider.objects.all().adelete()
        with pytest.raises(ModelGone, match="removed"):
            await call(model)


async def test_a_key_is_not_sent_to_another_origin_and_not_opened_in_another_row(connect: Any, settings: Any) -> None:
    vendor = Vendor(CHAT.text(["x"]))
    async with listening(vendor.answer) as listener, listening() as thief:
        model = await asyncio.to_thread(connect, listener)
        settings.ALLOWED_PRIVATE_HOSTS = (listener.authority, thief.authority)
        await Provider.objects.all().aupdate(base_url=thief.url, revision=9)
        with pytest.raises(AuthFailed, match="Enter the key again"):
            await call(model)
        assert thief.connections == 0
        # The same ciphertext in another row does not open.
        stolen = await ProviderCredential.objects.aget()
        other = await Provider.objects.acreate(
            workspace_id=model.workspace_id, kind="openai_compatible", name="T", base_url=thief.url
        )
        await ProviderCredential.objects.acreate(provider=other, secret=stolen.secret, origin=thief.url)
        moved = await LanguageModel.objects.acreate(workspace_id=model.workspace_id, provider=other, name="m")
        with pytest.raises(Exception, match="damaged"):
            await call(moved)
        assert thief.connections == 0


async def test_the_demo_model_reports_usage_and_costs_nothing(workspace: Any) -> None:
    provider = await Provider.objects.acreate(workspace=workspace, kind="demo", name="Demo")
    model = await LanguageModel.objects.acreate(workspace=workspace, provider=provider, name="demo")
    await Price.objects.acreate(model=model, input=0, output=0)
    events = await call(model)
    settled = events[-2]
    assert isinstance(settled, UsageSettled)
    assert settled.cost == Money(Decimal(0), "USD")
    assert settled.usage.output_tokens > 20
