"""Lists page by an opaque cursor: the id of the last item of the page before."""

import base64
import binascii

from marshmallow import Schema, ValidationError, fields, validate

from core.ids import is_id

_PREFIX = "v1:"
_LEGS = ("", "in", "out")
"""Of the journal's ids, `<operation>:<leg>`."""


class Cursor(fields.String):
    """Loaded as the id it stands for."""

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


def cursor_after(id: str) -> str:
    return base64.b64encode((_PREFIX + id).encode(), altchars=b"-_").decode()
