"""Spans of the work at hand, for whoever watches from outside. Nothing at all unless the process started with a tracer.

The port; `platform_site.traces` fills it. Names and facts of spans come from those who do the work; ids (request, run,
step, workspace, person) come from `core.request_context`. Must not know OpenTelemetry, nor who collects.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal, Protocol

Kind = Literal["server", "client", "producer", "consumer", "internal"]
Facts = Mapping[str, Any]
"""By the names of the conventions. A list of texts stays one; anything else that is nested is written as JSON."""


class Span(Protocol):
    """One piece of work, from its begin to its `end`. From any thread; never raises; what comes after the end is lost."""

    @property
    def trace_id(self) -> str:
        """32 hexadecimal digits."""
        ...

    @property
    def span_id(self) -> str: ...

    @property
    def traceparent(self) -> str:
        """The W3C header by which others carry the trace on."""
        ...

    def note(self, facts: Facts) -> None: ...

    def rename(self, name: str) -> None: ...

    def link(self, other: Span) -> None:
        """The other belongs to it, in another trace."""
        ...

    def fail(self, error: str) -> None:
        """The work failed. A code of few values, never a text."""
        ...

    def end(self) -> None: ...


class Tracer(Protocol):
    with_content: bool
    """Whether what people and models wrote is wanted too."""
    to_providers: Literal["none", "private", "all"]
    """Which providers are told the ids of the trace: those on hosts that the operator listed, or all."""

    def begin(self, name: str, kind: Kind, facts: Facts, parent: Span | str | None) -> Span:
        """`parent`: a span of this process, or what a `traceparent` header said."""
        ...

    def begin_run(self, name: str, kind: Kind, run: str, facts: Facts, *, first: bool) -> Span:
        """A span in the run's own trace, whose id follows from the run's: any process can add to it. `first`: its root."""
        ...


_tracer: Tracer | None = None
_current: ContextVar[Span | None] = ContextVar("span", default=None)


def trace_with(tracer: Tracer | None) -> Tracer | None:
    """Set who takes the spans of this process; returns the one before."""
    global _tracer
    before, _tracer = _tracer, tracer
    return before


def tracer() -> Tracer | None:
    """None: nobody wants spans, so none are made."""
    return _tracer


def current_span() -> Span | None:
    return _current.get()


def enter(span: Span | None) -> Span | None:
    """From here on the work at hand is this span's; returns the one before, to go back to. For generators, which may be
    closed elsewhere than they were begun; else take `traced`.
    """
    before = _current.get()
    _current.set(span)
    return before


@contextmanager
def traced(begin: Callable[[Tracer], Span]) -> Iterator[Span | None]:
    """The span that `begin` makes, around a block; None, and `begin` is not called, when nobody wants spans."""
    if _tracer is None:
        yield None
        return
    span = begin(_tracer)
    token = _current.set(span)
    try:
        yield span
    except asyncio.CancelledError:  # handed over, or stopped by a person: no failure
        span.note({"aap.cancelled": True})
        raise
    except BaseException as error:
        span.fail(str(getattr(error, "code", None) or type(error).__name__))
        raise
    finally:
        _current.reset(token)
        span.end()


def header_for(is_listed: Callable[[], bool]) -> str | None:
    """The `traceparent` that a provider gets, if any. `is_listed`: whether the operator named its host as their own."""
    if _tracer is None or _tracer.to_providers == "none" or not (_tracer.to_providers == "all" or is_listed()):
        return None
    span = _current.get()
    return span.traceparent if span is not None else None
