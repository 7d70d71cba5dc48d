"""The command, against a sandbox in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

from devtools.stack import ROOT, Stack

QUICK = {"OPERATORS": "mtn", "MOCK_LATENCY_MAX_S": "0.05", "MOCK_TIMEOUT_RATE": "0", "MOCK_APPROVAL_S": "0.3"}


def test_the_sandbox_passes_the_check(tmp_path: Path) -> None:
    with Stack(tmp_path, QUICK) as stack:
        stack.start(["mock_api"])
        command = [sys.executable, "-m", "ops", "partner", "check", "mtn", "--yes", "--longest-s", "30", "--json"]
        done = subprocess.run(command, cwd=ROOT, env=stack.environment, capture_output=True, text=True, timeout=120)

    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    verdicts = {probe["name"]: probe["verdict"] for probe in document["probes"]}
    assert verdicts.pop("callback") == "unknown"
    assert set(verdicts.values()) == {"ok"}
    assert {"clock", "repeat, when final", "refund, same reference again"} <= verdicts.keys()
    assert (document["standing"], document["settle_window_s"]) == ("idempotent by our reference", 30)
    assert "has to approve" in done.stderr
