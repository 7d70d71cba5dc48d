"""A reader's terminal: the shell blocks of a page, pasted into one bash beside a running stack."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping

from devtools.stack import ROOT, Stack
from tests.e2e.kit import FAST

LONGEST_S = 240
"""All blocks take about 20 s on two free cores; a machine that does much else may be many times slower."""
PACE = {name: value for name, value in FAST.items() if name.startswith(("MOCK_", "PARTNER_", "SETTLE_"))}
"""A quick sandbox; all other settings are the defaults, as in `make run`."""
CURLRC = "fail-with-body\nno-progress-meter\nshow-error\n"
"""Has every curl of a block exit 22 when it is answered with an HTTP error."""


def here(shell: str, stack: Stack) -> str:
    """A block with the ports, the folder and the Python of this test instead of those of a checkout."""
    for written, meant in {
        "http://127.0.0.1:8080": stack.api,
        "http://127.0.0.1:8090": stack.mock_api,
        " var/": f" {stack.var_dir}/",
        ".venv/bin/quittance": f"{sys.executable} -m ops",  # the same commands, without the installed script
    }.items():
        shell = shell.replace(written, meant)
    return shell


def paste(blocks: Mapping[str, str], stack: Stack, typed: str = "") -> dict[str, str]:
    """What each block prints, by name, when all are pasted into one bash. Raises AssertionError if one fails."""
    if not (curlrc := stack.var_dir / ".curlrc").exists():
        curlrc.write_text(CURLRC)
    script = "".join(f"echo; echo '@@{name}'\n{here(shell, stack)}\n" for name, shell in blocks.items())
    code, output = _bash(script, {**stack.environment, "CURL_HOME": str(stack.var_dir)}, typed)
    parts = re.split(r"^@@(.*)\n", output, flags=re.MULTILINE)[1:]
    assert code == 0, f"exit code {code} after:\n{''.join(parts[-2:])}"
    return dict(zip(parts[::2], parts[1::2], strict=True))


def _bash(script: str, environment: Mapping[str, str], typed: str) -> tuple[int, str]:
    """The exit code and the output of a script that stops at the first failure, or is killed after LONGEST_S."""
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            ["bash", "-e", "-o", "pipefail", "-c", script],  # noqa: S607 (the bash of whoever reads)
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            process.communicate(typed, timeout=LONGEST_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # what it waits for is a child of its own
            process.wait()
        output.seek(0)
        return process.returncode, output.read()
