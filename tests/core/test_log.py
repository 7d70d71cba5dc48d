import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.log import redact

ROOT = Path(__file__).parents[2]


def _nested(inside: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=3), inside, max_size=3)


SHAPES = st.recursive(st.just(None), _nested, max_leaves=8)
LOG_AND_GO_ON = """
import structlog
from core.log import configure
configure("worker", "INFO")
for number in range(3):
    structlog.get_logger().info("said to nobody", number=number)
print("goes on")
"""


def test_phone_numbers_are_masked_and_ids_are_not() -> None:
    event = {
        "event": "debit of +2250707000001",
        "operation": "01a1fb22-dc39-7581-9e9b-3e8998654697",
        "n": 2250707000001,
    }
    redacted = redact(None, "", event)
    assert "0707000001" not in str(redacted["event"])
    assert redacted["operation"] == "01a1fb22-dc39-7581-9e9b-3e8998654697"


def test_tokens_and_keys_are_masked() -> None:
    event = {"event": "who is eyJhbGciOi.eyJzdWIi.c2ln-bmF0_dXJl, or qtk_a-b_c?", "path": "/v1/keyJam.a.b"}
    assert redact(None, "", event) == {"event": "who is eyJh***, or qtk_***?", "path": "/v1/keyJam.a.b"}


@pytest.mark.parametrize(
    "text",
    [
        "+225 07 07 00 00 01",
        "00225 0707000001",
        "+33 6 12 34 56 78",
        "07 07 00 00 01",
        "+2250707000001",
        "postgresql://quittance:0707000001secret@db/quittance",
        "qtk_abcdefgh0707000001",
    ],
)
@given(shape=SHAPES, before=st.text(alphabet="abc :,;", max_size=4))
def test_what_is_secret_is_masked_however_deep_it_is(text: str, shape: Any, before: str) -> None:
    def filled(value: Any) -> Any:
        if isinstance(value, list):
            return [filled(each) for each in value]
        if isinstance(value, dict):
            return {name: filled(each) for name, each in value.items()}
        return f"{before} {text} after"

    written = json.dumps(redact(None, "", {"event": filled(shape), "more": (filled(shape), {text: 1})}))
    for secret in (text, "07 00 00", "0707000001", "12 34 56", "secret", "abcdefgh"):
        assert secret not in written


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-28 12:00:00.123456+00:00",
        "01a1fb22-dc39-7581-9e9b-3e8998654697",
        "http://127.0.0.1:8080/amendes/payments/01a1fb22-dc39-7581-9e9b-3e8998654697",
        "amount 15000 of 25000, 100 000 XOF",
        "10.0.0.1:45678",
        "1 2 3 4 5 6 7 8 9 10",
    ],
)
def test_what_is_no_secret_is_left(text: str) -> None:
    assert redact(None, "", {"event": text, "list": [text]}) == {"event": text, "list": [text]}


def test_a_process_goes_on_when_nobody_reads_its_log_any_more() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-c", LOG_AND_GO_ON]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=writer, text=True, timeout=60)
    os.close(writer)
    assert (done.returncode, done.stdout) == (0, "goes on\n")
