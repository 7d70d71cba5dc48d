"""For Schemathesis: values of the formats that our description names."""

import base64
from datetime import UTC, datetime

import schemathesis
from hypothesis import strategies as st

WORDS = "abcdefghijklmnopqrstuvwxyz"
PASSWORDS = ("seven turtles sing at dawn", "Kadiogo-41-mango-rail", "un parapluie sous la mer")
"""None that is easy to guess, as random letters may be."""


def _cursor(id: str) -> str:
    return base64.b64encode(f"v1:{id}".encode(), altchars=b"-_").decode()


def _moments() -> st.SearchStrategy[str]:
    past = st.datetimes(datetime(2000, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
    return st.one_of(
        past.map(lambda moment: moment.strftime("%Y-%m-%d %H:%M:%S")),
        past.map(lambda moment: moment.isoformat()),
    )


schemathesis.openapi.format("phone", st.integers(0, 999_999).map(lambda last: f"+2250707{last:06d}"))
schemathesis.openapi.format("cursor", st.uuids().map(lambda id: _cursor(str(id))))
schemathesis.openapi.format("moment", _moments())
schemathesis.openapi.format("currency", st.sampled_from(["XOF", "EUR"]))
schemathesis.openapi.format("operator", st.just("mtn-ci"))
schemathesis.openapi.format("username", st.text(WORDS, min_size=12, max_size=32))
schemathesis.openapi.format("password", st.sampled_from(PASSWORDS))
schemathesis.openapi.format("idempotency-key", st.uuids().map(str))
schemathesis.openapi.format("webhook-url", st.integers(1, 99).map(lambda last: f"http://127.0.0.1:9/hooks/{last}"))
schemathesis.openapi.format("event-type", st.sampled_from(["*", "payment.*", "charge.failed", "event.published"]))
schemathesis.openapi.format("topic", st.text(WORDS, min_size=1, max_size=20))
