"""One streamed model call from its response to events: the loop that all vendors share. Knows no dialect.

Everything per read happens in this one generator: each further layer costs every token a turn.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from typing import Any, Protocol

from llm_providers.adapters.faults import raise_mapped
from llm_providers.adapters.reading import Lines
from llm_providers.protocol import Access, ModelEvent


class Dialect(Protocol):
    """A vendor's stream in our words: fed with the decoded objects of each read."""

    whole: bool
    """The vendor said that the answer is done; nothing more is read."""

    def feed(self, objects: list[dict[str, Any]]) -> Iterable[ModelEvent]: ...

    def end(self) -> Iterator[ModelEvent]:
        """The last events, once the body has ended. Raises ProtocolBroken when the answer is not whole."""
        ...


async def stream_events(
    begin: Callable[[], Awaitable[Any]], dialect: Dialect, *, sse: bool, name: str, access: Access
) -> AsyncGenerator[ModelEvent]:
    """The events of one call. `begin` sends the request and returns the guarded transport's response.

    `sse`: server-sent events, else one object per line. All text of one read comes as one event. Raises ProviderError;
    closing the generator closes the vendor's connection.
    """
    response = await begin()
    lines = Lines(sse=sse)
    feed, decode, read = dialect.feed, lines.feed, response.extensions["read"]
    try:
        while not dialect.whole:
            data = await read()
            for event in feed(decode(data) if data else lines.end()):
                yield event
            if not data:
                break
        response.extensions["end_soon"]()
        for event in dialect.end():
            yield event
        return
    except Exception as error:
        problem = error
    finally:
        await response.aclose()
    raise_mapped(problem, name=name, api_key=access.api_key, started=True)
