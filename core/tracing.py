"""Spans of what a process does, where somebody wants to see them. The operation carries its trace to the worker."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Literal, Protocol

Kind = Literal["server", "consumer", "client"]
"""What began it: a client's request, an operation that is due, or our call of a partner."""
Attributes = Mapping[str, str]


class Span(Protocol):
    """traceparent: W3C's, by which other spans are children of this one; None where there is no trace."""

    @property
    def traceparent(self) -> str | None: ...

    def note(self, name: str, value: str | int) -> None:
        """Adds an attribute. Never a phone, a name or a secret."""


class Tracing(Protocol):
    def span(self, name: str, kind: Kind, parent: str | None, attributes: Attributes) -> AbstractContextManager[Span]:
        """A span that ends with the context. parent: a traceparent; None begins a trace."""

    def close(self) -> None:
        """Sends what waits."""


class Untraced:
    """A span that nobody sees: the trace that it was given goes on."""

    def __init__(self, traceparent: str | None) -> None:
        self.traceparent = traceparent

    def note(self, name: str, value: str | int) -> None:
        pass


class NoTracing:
    """The default. It costs nothing."""

    def span(self, name: str, kind: Kind, parent: str | None, attributes: Attributes) -> AbstractContextManager[Span]:
        return nullcontext(Untraced(parent))

    def close(self) -> None:
        pass


NO_TRACING = NoTracing()
