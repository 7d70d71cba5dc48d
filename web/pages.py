"""What every page is made with."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Response, current_app, g, make_response, render_template, request
from werkzeug.wrappers import Response as Answer

from api.http.blueprint import FORM, Routes
from core.notices.languages import LANGUAGES
from web.languages import language

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""A page loads and runs our own files, sends its forms to us, and is in no frame."""
MAX_FORM_BYTES = 16 * 1024
View = TypeVar("View", bound=Callable[..., Answer])
CHANGING = frozenset({"POST"})


class Pages(Routes):
    """The pages of one part of the site. Each form of theirs has a token of the reader's own session."""

    def __init__(self, name: str, import_name: str, **kwargs: Any) -> None:
        super().__init__(
            name, import_name, template_folder="templates", max_body_bytes=MAX_FORM_BYTES, any_query=True, **kwargs
        )
        self.before_request(_check_token)

    def show(self, rule: str) -> Callable[[View], View]:
        """Registers a view that shows a page."""
        return self._at(rule, "GET")

    def take(self, rule: str) -> Callable[[View], View]:
        """Registers a view that takes a form."""
        return self._at(rule, "POST")

    def _at(self, rule: str, method: str) -> Callable[[View], View]:
        def add(view: View) -> View:
            name = view.__name__
            if method in CHANGING:
                self.forms = (*self.forms, f"{self.name}.{name}")
            self.add_url_rule(rule, name, view, methods=[method])
            return view

        return add


def page(template: str, status: int = 200, /, **values: Any) -> Response:
    """A page in the reader's language."""
    g.is_page = True
    html = render_template(template, language=language(), languages=LANGUAGES, here=request.path, **values)
    return make_response(html, status, {"Content-Type": "text/html; charset=utf-8", "Vary": "Accept, Accept-Language"})


def restrict(response: Response) -> Response:
    """Names what a page of ours may load, and has its forms say where they come from."""
    if g.get("is_page"):
        response.headers.update({"Content-Security-Policy": POLICY, "Referrer-Policy": "same-origin"})
    return response


def wants_page() -> bool:
    """Whether the caller is a browser that shows a page, and no client that reads JSON."""
    best = request.accept_mimetypes.best_match(["application/json", "text/html"], "application/json")
    return best == "text/html" and request.mimetype in ("", FORM)


def _check_token() -> None:
    if request.method in CHANGING:
        current_app.extensions["csrf"].protect()
