"""The rehearsal of a deployment: `make rehearse`, and what can be tested of it without an engine."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from devtools.rehearsal.namespaces import CGROUP
from devtools.rehearsal.pages import StepFailed, block, paste
from devtools.stack import ROOT

STEPS = ["prepared", "starts", "pays", "loses_a_worker", "loses_the_broker", "restarts", "upgrades", "ends"]
LONGEST_S = 3600


def traces() -> set[str]:
    """What a Docker Engine could leave on this machine."""
    folders = ["/etc/docker", "/opt/containerd", "/run/containerd", "/run/docker", "/var/lib/docker"]
    left = [Path(folder) for folder in folders if Path(folder).exists()]
    left += Path("/sys/fs/cgroup").glob(f"*/{CGROUP}")
    left += Path(tempfile.gettempdir()).glob("quittance-rehearsal-*")
    left += Path("/sys/class/net").iterdir()
    return {str(path) for path in left}


@pytest.mark.slow
@pytest.mark.xdist_group("rehearsal")
@pytest.mark.timeout(LONGEST_S)
@pytest.mark.skipif(not os.environ.get("REHEARSE"), reason="takes ten minutes of two cores: set REHEARSE=1")
def test_a_deployment_starts_survives_crashes_and_is_upgraded_without_losing_a_payment() -> None:
    before = traces()
    command = [sys.executable, "-m", "devtools.rehearsal"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LONGEST_S)
    if "the rehearsal needs more" in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"^(\w+): ", done.stdout, re.MULTILINE) == STEPS
    assert traces() == before


@pytest.mark.parametrize(
    ("page", "beginning", "has"),
    [
        ("docs/how-to/deploy.md", "docker compose up", "--scale worker=3"),
        ("README.md", "curl -i", "AM-2026-000123"),
        ("docs/how-to/upgrade.md", "docker compose build", "--no-deps api"),
    ],
)
def test_the_pages_have_the_blocks_that_are_rehearsed(page: str, beginning: str, has: str) -> None:
    assert has in block(page, beginning)


def test_a_block_that_is_gone_is_noticed() -> None:
    with pytest.raises(LookupError, match="no shell block"):
        block("README.md", "docker compose destroy")


def test_a_line_that_fails_ends_a_block(tmp_path: Path) -> None:
    assert paste("cat", tmp_path, os.environ, typed="typed") == "typed"
    with pytest.raises(StepFailed, match=r"exit code 1 of:\nfalse"):
        paste("false\ntouch reached", tmp_path, os.environ)
    assert not (tmp_path / "reached").exists()
