"""Routing keys: one for each topic, within RabbitMQ's limits, and the old names for the old topics."""

import re
from unicodedata import normalize
from urllib.parse import unquote

from hypothesis import assume, given
from hypothesis import strategies as st

from core.broker.port import MAX_ROUTING_KEY_BYTES, escape, routing_key
from core.errors import Refused
from products.events.routes import _topic

PLAIN = "abcdefghijklmnopqrstuvwxyz0123456789_-"
PARTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=64)
TRICKY = st.text("aA.%2E~é*#/e\u0301", min_size=1, max_size=8)
TOPICS = st.tuples(*[PARTS | TRICKY] * 3)


@given(TOPICS)
def test_a_topic_can_be_read_back_from_its_key(topic: tuple[str, ...]) -> None:
    """No two topics have one key, then."""
    assert tuple(map(unquote, routing_key(topic).split("."))) == topic


@given(TRICKY, TRICKY)
def test_two_parts_have_two_words(one: str, other: str) -> None:
    assert (escape(one) == escape(other)) == (one == other)


@given(TOPICS)
def test_a_key_has_three_words_that_no_binding_takes_for_a_wildcard(topic: tuple[str, ...]) -> None:
    assert re.fullmatch(r"([A-Za-z0-9_%-]+\.){2}[A-Za-z0-9_%-]+", routing_key(topic))


@given(st.tuples(*[st.text(PLAIN, min_size=1, max_size=64)] * 3))
def test_plain_topics_keep_their_names(topic: tuple[str, ...]) -> None:
    assert routing_key(topic) == ".".join(topic)
    assert _topic(dict(zip("abc", topic, strict=True))) == topic


@given(st.tuples(*[PARTS | st.text("aé日.", min_size=1, max_size=64)] * 3))
def test_a_topic_that_is_taken_is_within_the_limit(parts: tuple[str, ...]) -> None:
    try:
        topic = _topic(dict(zip("abc", parts, strict=True)))
    except Refused:
        assume(False)
    assert len(routing_key(topic).encode()) <= MAX_ROUTING_KEY_BYTES
    assert topic == tuple(normalize("NFC", part) for part in parts)
