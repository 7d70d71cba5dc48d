"""`make` says what it installs, and installs the command `quittance` too; and what is installed is known."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from devtools.stack import ROOT

LOCKS = ("requirements.txt", "requirements-dev.txt")


def make(target: Path, *arguments: str) -> str:
    """Makes a file of a virtual environment whose Python and pip are replaced by `true`. Returns what is printed."""
    command = ["make", str(target), f"VENV={target.parent}", "PYTHON=true", "INSTALL=true", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("name", ["installed", "installed-dev"])
def test_the_first_installation_says_what_takes_long(tmp_path: Path, name: str) -> None:
    printed = make(tmp_path / name)

    assert f"Creating a virtual environment in {tmp_path}\n" in printed
    assert "Installing the libraries" in printed
    assert f"into {tmp_path}, about a minute\n" in printed


@pytest.mark.parametrize("name", ["installed", "installed-dev"])
def test_a_later_installation_says_what_has_changed(tmp_path: Path, name: str) -> None:
    make(tmp_path / name)
    assert "nstalling" not in make(tmp_path / name)
    before_all = 0
    os.utime(tmp_path / name, (before_all, before_all))

    assert "requirements.txt changed: installing the libraries" in make(tmp_path / name).replace(
        " requirements-dev.txt", ""
    )


@pytest.mark.parametrize("name", ["installed", "installed-dev"])
def test_the_command_is_installed_without_a_download(tmp_path: Path, name: str) -> None:
    planned = make(tmp_path / name, "--dry-run")

    assert "--no-deps --no-build-isolation --editable ." in planned
    assert planned.index("--require-hashes") < planned.index("--editable")


def test_both_locks_have_the_hash_of_everything() -> None:
    for lock in LOCKS:
        pinned = (ROOT / lock).read_text().replace("\\\n", "").splitlines()
        assert all("--hash=sha256:" in line for line in pinned if line and not line.lstrip().startswith("#")), lock
    planned = planned_by("lock")
    assert [planned.count(word) for word in ("--generate-hashes", *LOCKS)] == [
        3,
        3,
        1,
    ]  # one lock constrains the two others


def test_known_weaknesses_are_looked_for_in_both_locks_and_the_services_have_their_list() -> None:
    jobs = (ROOT / ".github/workflows/ci.yml").read_text()
    for lock in LOCKS:
        assert re.search(
            rf"- run: uv tool run pip-audit==\S+ .*--require-hashes --requirement {re.escape(lock)}\n", jobs
        )
    assert "- run: make sbom " in jobs
    assert "cyclonedx-py requirements requirements.txt " in planned_by("sbom")


def planned_by(target: str) -> str:
    """What make would run, in an environment that is installed."""
    command = ["make", target, "--dry-run", "--assume-old=.venv/installed-dev"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
