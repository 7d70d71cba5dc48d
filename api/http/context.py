"""What the app stands on, reached through typed accessors. For use within a request."""

from flask import Request, current_app, request

from core.bootstrap import Core


def core() -> Core:
    """The core that the app was built on."""
    found: Core = current_app.extensions["core"]
    return found


METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def method_of(asked: Request) -> str:
    """The method, or "other" for one that no route has: in metrics, each made-up one would be a series for ever."""
    return asked.method if asked.method in METHODS else "other"


def this_request() -> Request:
    """The request itself. Each use of `request` looks it up again, which adds up where it is used often."""
    found: Request = request._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - werkzeug's way
    return found
