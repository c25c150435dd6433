"""The adapter in docs/write-an-adapter.md works as it stands there."""

from __future__ import annotations

import asyncio
import re
import sys
import types
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.egress.tests.listeners import Listener, chunk, listening, read_request, stream_head, whole
from llm_providers.errors import AuthFailed, Overloaded, ProtocolBroken, ProviderError
from llm_providers.protocol import Access, ModelRequest, ModelStopped, TextDelta, UsageReported, UserMessage
from llm_providers.tests.dialects import dumps

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "write-an-adapter.md"
KEY = "sk-canary-parrot-000001"


@pytest.fixture(scope="module")
def adapter() -> Iterator[Any]:
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.S)
    module = types.ModuleType("parrot_of_the_guide")
    sys.modules[module.__name__] = module
    exec(compile(code, str(GUIDE), "exec"), module.__dict__)  # the guide's own code
    yield module.ParrotAdapter()
    del sys.modules[module.__name__]


class Parrot:
    """`lines` are sent one by one; `status` other than 200 is sent instead."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.status = 200

    async def answer(self, listener: Listener, reader: Any, writer: Any) -> None:
        while await read_request(listener, reader):
            if self.status != 200:
                writer.write(whole(dumps({"error": f"no {KEY}"}), b"%d No" % self.status))
            elif b"/voices" in listener.heads[-1]:
                writer.write(whole(dumps({"voices": ["grey", "green"]})))
            else:
                writer.write(stream_head(b"application/x-ndjson"))
                for line in self.lines:
                    await asyncio.sleep(0.005)
                    writer.write(chunk(dumps(line) + b"\n"))
                    await writer.drain()
                writer.write(b"0\r\n\r\n")


@pytest.fixture
async def parrot(settings: Any) -> AsyncIterator[tuple[Parrot, Access, Listener]]:
    bird = Parrot()
    async with listening(bird.answer) as listener:
        settings.ALLOWED_PRIVATE_HOSTS = (listener.authority,)
        kind: Any = "parrot"
        yield bird, Access(kind=kind, identity=str(listener.port), base_url=listener.url, api_key=KEY), listener


async def listen(adapter: Any, access: Access) -> list[Any]:
    request = ModelRequest("grey", (UserMessage("hello"),))
    return [event async for event in adapter.stream(request, access)]


async def test_it_talks_and_keeps_its_connection(adapter: Any, parrot: Any) -> None:
    bird, access, listener = parrot
    bird.lines = [{"say": "hel"}, {"say": "lo \ud83d"}, {"say": "\ude42\0"}, {"done": True, "heard": 1, "said": 2}]
    for _ in range(3):
        events = await listen(adapter, access)
        assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "hello 🙂\ufffd"
        assert events[-2:] == [UsageReported(1, 2), ModelStopped("stop")]
        await asyncio.sleep(0.05)  # the end of the body comes a moment after the last line
    assert listener.connections == 1
    assert [model.name for model in await adapter.list_models(access)] == ["grey", "green"]


async def test_it_tells_cuts_and_errors(adapter: Any, parrot: Any) -> None:
    bird, access, _ = parrot
    bird.lines = [{"say": "hel"}]
    with pytest.raises(ProtocolBroken):
        await listen(adapter, access)
    bird.lines = [{"squawk": f"overloaded {KEY}"}]
    with pytest.raises(Overloaded) as caught:
        await listen(adapter, access)
    assert KEY not in caught.value.detail
    bird.status = 401
    with pytest.raises(AuthFailed):
        await listen(adapter, access)
    bird.status = 400
    with pytest.raises(ProviderError) as refused:
        await adapter.list_models(access)
    assert KEY not in refused.value.detail
