import os
import subprocess
import sys
from pathlib import Path

from core.log import redact

ROOT = Path(__file__).parents[2]
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


def test_a_process_goes_on_when_nobody_reads_its_log_any_more() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-c", LOG_AND_GO_ON]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=writer, text=True, timeout=60)
    os.close(writer)
    assert (done.returncode, done.stdout) == (0, "goes on\n")
