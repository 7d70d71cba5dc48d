"""What went wrong with a request: the only exception of the client."""

from collections.abc import Mapping, Sequence
from typing import Any

NO_ANSWER = "no_answer"
"""The code when there was no usable answer: a timeout, a broken connection, or a body that is not JSON."""


class Problem(Exception):
    """The API refused a request, or gave no usable answer to any attempt.

    status: the HTTP status; 0 without an answer.
    code: stable, see docs/reference/errors.md; NO_ANSWER; or `http_<status>` for an answer that has no code.
    detail: for people.
    errors: for `validation_failed`, the pointer and the detail of each wrong field.
    retry_after_s: how long the API asks to wait, if it does.
    key: the Idempotency-Key of the request. Send the same request with it to learn what became of it.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str = "",
        errors: Sequence[Mapping[str, str]] = (),
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(f"{code} ({status}): {detail}" if detail else f"{code} ({status})")
        self.status, self.code, self.detail, self.errors = status, code, detail, tuple(errors)
        self.retry_after_s = retry_after_s
        self.key: str | None = None

    @property
    def may_have_been_accepted(self) -> bool:
        """Whether nobody knows if the request was accepted. Never treat it as refused then."""
        return self.code == NO_ANSWER or self.status >= 500

    @property
    def is_transient(self) -> bool:
        """Whether the same request, sent again later, may succeed."""
        return self.may_have_been_accepted or self.status == 429


def problem_of(status: int, document: object, retry_after: str | None) -> Problem:
    """The problem that an answer describes (RFC 9457), or an error of OAuth (RFC 6749, section 5.2).

    document: the body, or None if it is not JSON.
    """
    members: dict[str, Any] = document if isinstance(document, dict) else {}
    usual = NO_ANSWER if status < 300 else f"http_{status}"
    code = members.get("code") or members.get("error") or usual
    seconds = int(retry_after) if retry_after and retry_after.isdecimal() else None
    return Problem(status, str(code), str(members.get("detail", "")), members.get("errors", ()), seconds)
