"""The language of a page: as the reader has chosen, or as the browser prefers."""

from pathlib import Path

from flask import Response, after_this_request, g, request

from core.notices.languages import DEFAULT, LANGUAGES, translator

COOKIE, CHOICE = "language", "lang"
TRANSLATIONS = Path(__file__).parent / "translations"
"""Apart from those of phones, whose texts have to be short and without letters that cost."""
YEAR_S = 365 * 24 * 3600


def choose_language() -> None:
    """Keeps a choice in the query for the pages that follow."""
    chosen = request.args.get(CHOICE, "")
    if chosen in LANGUAGES:
        g.language = chosen
        after_this_request(_keep)


def language() -> str:
    """The code of the language of this request."""
    if "language" not in g:
        kept = request.cookies.get(COOKIE, "")
        g.language = kept if kept in LANGUAGES else _preferred()
    return str(g.language)


def say(text: str, **values: object) -> str:
    """A text of the code in the language of this request, with its values in."""
    said = translator(language(), TRANSLATIONS)(text)
    return said.format(**values) if values else said


def text(text: str) -> str:
    """Marks a text that is translated where it is shown."""
    return text


def _preferred() -> str:
    """The first language that the browser accepts and we have. `ru-RU` is Russian."""
    accepted = (tag.partition("-")[0].lower() for tag, _ in request.accept_languages)
    return next((code for code in accepted if code in LANGUAGES), DEFAULT)


def _keep(response: Response) -> Response:
    response.set_cookie(COOKIE, language(), max_age=YEAR_S, secure=request.is_secure, httponly=True, samesite="Lax")
    return response
