"""Prometheus' own tool for configurations and rules, in the Debian package of the server, which is not started."""

import shutil
import subprocess
from pathlib import Path

from devtools.servers import ServerMissing, install

PROGRAM = "promtool"
PACKAGE = "prometheus"
WITHIN_S = 60


def promtool(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs it in a folder, and returns how it ended. Raises ServerMissing."""
    if not shutil.which(PROGRAM):
        install(PACKAGE)
    if not shutil.which(PROGRAM):
        raise ServerMissing("install promtool, which is a part of Prometheus, or be root on Debian")
    return subprocess.run([PROGRAM, *arguments], cwd=folder, capture_output=True, text=True, timeout=WITHIN_S)
