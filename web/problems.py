"""Errors as pages, for browsers: the same words as the problem that a program gets."""

from flask import Response, request

from api.http.errors import PROBLEM
from web.pages import page, wants_page


def as_page(response: Response) -> Response:
    """The page of a problem for a browser; every other answer as it is."""
    if response.mimetype != PROBLEM or request.method == "HEAD" or not wants_page():
        return response
    shown = page("problem.html", response.status_code, problem=response.get_json())
    for name in ("Retry-After", "Allow", "WWW-Authenticate", "Connection"):
        if name in response.headers:
            shown.headers[name] = response.headers[name]
    return shown
