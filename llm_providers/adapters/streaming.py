"""One streamed model call from its response to events: the loop that all vendors share. Knows no dialect.

Everything per read happens here: each further layer costs every token a turn.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from typing import Any, Protocol

from llm_providers.adapters.faults import raise_mapped
from llm_providers.adapters.reading import Lines
from llm_providers.protocol import Access, ModelEvent, TextDelta


class Dialect(Protocol):
    """A vendor's stream in our words: fed with the decoded objects of each read."""

    whole: bool
    """The vendor said that the answer is done; nothing more is read."""

    def feed(self, objects: list[dict[str, Any]]) -> Iterable[ModelEvent]: ...

    def end(self) -> Iterator[ModelEvent]:
        """The last events, once the body has ended. Raises ProtocolBroken when the answer is not whole."""
        ...


async def stream_events(
    begin: Callable[[], Awaitable[Any]],
    dialect: Dialect,
    *,
    sse: bool,
    name: str,
    access: Access,
    on_text: Callable[[str], None] | None = None,
) -> AsyncGenerator[ModelEvent]:
    """The events of one call. `begin` sends the request and returns the guarded transport's response.

    `sse`: server-sent events, else one object per line. All text of one read comes as one event, or goes to `on_text`
    where that comes to the same. Raises ProviderError; closing the generator closes the vendor's connection.
    """
    response = await begin()
    lines = Lines(sse=sse)
    feed, decode, read = dialect.feed, lines.feed, response.extensions["read"]
    tap = Tap(dialect, lines, on_text) if on_text is not None else None
    try:
        if tap is not None:
            response.extensions["tap"](tap)
        while not dialect.whole:
            data = await read()
            if tap is not None and tap.held:
                for event in tap.take():
                    yield event
                if not data or dialect.whole:
                    continue
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
    raise_mapped(problem, name=name, api_key=access.plain_key, started=True)


class Tap:
    """Takes text straight from the read that brought it to whoever wants it, while the reading task sleeps.

    Waking a task for each token costs more than the token. What is not plain text is kept for the task, which then wakes
    and finds it here; it also reads on by itself until it sleeps again, so the order stays.
    """

    __slots__ = ("_dialect", "_error", "_lines", "_on_text", "_rest", "held")

    def __init__(self, dialect: Dialect, lines: Lines, on_text: Callable[[str], None]) -> None:
        self._dialect, self._lines, self._on_text = dialect, lines, on_text
        self._rest: list[ModelEvent] = []
        self._error: Exception | None = None
        self.held = False
        """There is something to `take`."""

    def __call__(self, data: bytes) -> bool:
        """Whether all of it was plain text. Never raises."""
        rest = self._rest
        try:
            for event in self._dialect.feed(self._lines.feed(data)):
                if type(event) is TextDelta and not rest:
                    self._on_text(event.text)
                else:
                    rest.append(event)
        except Exception as error:
            self._error = error
        self.held = bool(rest) or self._error is not None or self._dialect.whole
        return not self.held

    def take(self) -> Iterator[ModelEvent]:
        """What was kept, in order; raises what went wrong after it."""
        rest, self._rest, self.held = self._rest, [], False
        yield from rest
        if self._error is not None:
            raise self._error
