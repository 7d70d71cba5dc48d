"""The shell blocks of our pages, and how a rehearsal runs them: as they stand."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from devtools.stack import ROOT

BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
COMMAND_S = 900


class StepFailed(Exception):
    """A step of the rehearsal did not do what the pages promise; the message says what it did."""


def block(page: str, beginning: str) -> str:
    """Returns the shell block of a page that contains a line with this beginning. Raises LookupError."""
    for found in BLOCK.findall((ROOT / page).read_text()):
        if any(line.strip().startswith(beginning) for line in found.splitlines()):
            return str(found)
    raise LookupError(f"{page} has no shell block with a line that begins with {beginning!r}")


def paste(shell: str, tree: Path, environment: Mapping[str, str], typed: str = "") -> str:
    """Returns what a shell prints that runs these lines in the clone, and ends at the first that fails.

    typed: its standard input.
    Raises StepFailed.
    """
    command = ["bash", "-e", "-o", "pipefail", "-c", shell]
    done = subprocess.run(
        command,
        cwd=tree,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=COMMAND_S,
        input=typed,
    )
    if done.returncode:
        raise StepFailed(f"exit code {done.returncode} of:\n{shell}\n{done.stdout[-4000:]}")
    return done.stdout
