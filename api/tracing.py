"""A span for each request that changes something. What it accepts goes on in the same trace."""

from contextlib import ExitStack

from flask import Flask, Response, g

from api.http.context import method_of, this_request
from api.http.correlation import traceparent
from core.tracing import NO_TRACING, Tracing

READING = frozenset({"GET", "HEAD", "OPTIONS"})


def register(app: Flask, tracing: Tracing) -> None:
    """tracing: nothing is done for each request where there is none."""
    if tracing is NO_TRACING:
        return

    def begin() -> None:
        asked = this_request()
        method = method_of(asked)
        if method not in READING:
            route = asked.url_rule.rule if asked.url_rule else "none"
            attributes = {"http.request.method": method, "http.route": route}
            g.open_span = ExitStack()
            parent = traceparent(asked)
            g.span = g.open_span.enter_context(tracing.span(f"{method} {route}", "server", parent, attributes))
            g.traceparent = g.span.traceparent

    def note(response: Response) -> Response:
        if "span" in g:
            g.span.note("http.response.status_code", response.status_code)
        return response

    def end(error: BaseException | None) -> None:
        if "open_span" in g:
            g.open_span.close()

    app.before_request(begin)
    app.after_request(note)
    app.teardown_request(end)
