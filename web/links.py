"""Links that nobody guesses, and that end."""

from flask import current_app
from itsdangerous import BadSignature, URLSafeTimedSerializer

from core.errors import NotFound


class LinkEnded(NotFound):
    """This link is not valid, or has ended."""

    code = "link_ended"


def link_to(id: str, purpose: str) -> str:
    """The part of a path that stands for an id."""
    return str(_serializer(purpose).dumps(id))


def linked(link: str, purpose: str, within_s: int) -> str:
    """The id that a link stands for, if it was made for this purpose within so many seconds. Raises LinkEnded."""
    try:
        return str(_serializer(purpose).loads(link, max_age=within_s))
    except BadSignature:
        raise LinkEnded from None


def _serializer(purpose: str) -> URLSafeTimedSerializer:
    former = reversed(current_app.config["SECRET_KEY_FALLBACKS"] or ())
    return URLSafeTimedSerializer([*former, current_app.config["SECRET_KEY"]], salt=f"link: {purpose}")
