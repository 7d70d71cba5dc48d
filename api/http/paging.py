"""Lists page by an opaque cursor: the id of the last item of the page before."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from flask import Response, g, request
from marshmallow import Schema, ValidationError, fields, validate

from api.http.context import core
from core.ids import is_id
from core.store.port import Document

_PREFIX = "v1:"
_LEGS = ("", "in", "out")
"""The form of the journal's ids, `<operation>:<leg>`."""

Item = TypeVar("Item")
Find = Callable[[int, str | None], Sequence[Item]]
"""Finds at most so many items, newest first, that follow the item of an id; None: from the newest one on."""


class Cursor(fields.String):
    """Loaded as the id it stands for."""

    def __init__(self, **settings: Any) -> None:
        described = {"format": "cursor", "minLength": 52, "maxLength": 60}
        super().__init__(metadata={**described, "description": "the `next_cursor` of the page before"}, **settings)

    def _deserialize(self, value: object, attr: str | None, data: object, **kwargs: object) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            plain = base64.b64decode(text.encode(), altchars=b"-_", validate=True).decode("ascii")
        except (binascii.Error, UnicodeError):
            plain = ""
        id, _, leg = plain.removeprefix(_PREFIX).partition(":")
        if not plain.startswith(_PREFIX) or not is_id(id) or leg not in _LEGS:
            raise ValidationError("Not a cursor of this list.")
        return plain.removeprefix(_PREFIX)


class PageQuery(Schema):
    limit = fields.Integer(load_default=20, validate=validate.Range(1, 100))
    cursor = Cursor(load_default=None)


def list_view(name: str, **views: type[Schema]) -> type[Schema]:
    """The schema of a page of a list. views: the name of the list, and the schema of its items."""
    lists = {member: fields.List(fields.Nested(view)) for member, view in views.items()}
    return Schema.from_dict({**lists, "next_cursor": fields.String(allow_none=True)}, name=name)


def stored(collection: str, conditions: Mapping[str, Any]) -> Find[Document]:
    """The documents of a collection whose declared fields have these values."""

    def find(limit: int, after: str | None) -> Sequence[Document]:
        edge = (after, after) if after else None
        return core().store.find(collection, conditions, order="-id", limit=limit, after=edge)

    return find


def read_page(
    query: Mapping[str, Any],
    find: Find[Item],
    id_of: Callable[[Item], str],
    keep: Callable[[Item], bool] | None = None,
    looks: int | None = None,
) -> tuple[list[Item], str | None]:
    """The page that a PageQuery asks for, and the cursor of the next one if there is any.

    keep: which of those that are found belong to the list; nearly all of them should, or else give `looks`.
    looks: how often it looks for more at most. Then a page may be short, and still have a next one.
    """
    cursor, limit = query["cursor"], query["limit"]
    found: list[Item] = []
    more, looked = True, 0
    while more and len(found) <= limit and looked != looks:
        batch = find(limit + 1, cursor)
        found += filter(keep, batch) if keep else batch
        more, looked = len(batch) > limit, looked + 1
        cursor = id_of(batch[-1]) if batch else None
    page = found[:limit]
    g.next_cursor = None
    if len(found) > limit:
        g.next_cursor = cursor_after(id_of(page[-1]))
    elif more and cursor:
        g.next_cursor = cursor_after(cursor)
    return page, g.next_cursor


def link(response: Response) -> Response:
    """Adds links to the next page and to the first one, to the answer of a list (RFC 8288)."""
    if "next_cursor" in g and response.status_code == 200:
        query = {name: value for name, value in request.args.items() if name != "cursor"}
        links = [f'<{_target(query)}>; rel="first"']
        if g.next_cursor:
            links.insert(0, f'<{_target({**query, "cursor": g.next_cursor})}>; rel="next"')
        response.headers["Link"] = ", ".join(links)
    return response


def _target(query: Mapping[str, str]) -> str:
    """This path with another query, as a reference that is relative to the request."""
    path = quote(request.path, safe="/-._~")
    return f"{path}?{urlencode(query)}" if query else path


def cursor_after(id: str) -> str:
    """The cursor of the page that follows the item of this id."""
    return base64.b64encode((_PREFIX + id).encode(), altchars=b"-_").decode()
