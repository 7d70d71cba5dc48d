"""What the engine cannot pull: the base image, made of Debian's packages, and Docker Compose, built from its source."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from devtools.servers import COMMAND_S, ServerMissing, succeeds
from devtools.stack import ROOT

BASE = "python:3.11-slim"
SUITE = "bookworm"
"""The Debian whose Python is 3.11."""
PACKAGES = "python3,python3-venv,python-is-python3,ca-certificates"
SOURCES = (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list"))
OURS = (Path("/etc/pip.conf"), Path("/etc/ssl/certs/ca-certificates.crt"))
"""How pip reaches its registry from this machine, and whom it trusts."""
COMPOSE = ROOT / "devtools/compose"
BUILD_S = 1800


def make_base(archive: Path) -> None:
    """Writes an archive that stands for the base image of the Dockerfile. Raises ServerMissing."""
    sources = [str(path) for path in SOURCES if path.exists()][:1]
    ours = [f"--customize-hook=copy-in {path} {path.parent}" for path in OURS if path.exists()]
    _run(["mmdebstrap", "--variant=minbase", f"--include={PACKAGES}", *ours, SUITE, str(archive), *sources])


def import_base(archive: Path, environment: dict[str, str]) -> None:
    """Tells the engine that the archive is the base image. Raises ServerMissing."""
    _run(["docker", "import", str(archive), BASE], environment)


def install_compose(config: Path) -> None:
    """Makes `docker compose` available to a Docker client with the folder of configuration `config`.

    It is built once from the pinned source in devtools/compose, and kept in the user's cache. Raises ServerMissing.
    """
    if succeeds(["docker", "compose", "version"]):
        return
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "quittance"
    built = cache / f"compose-{hashlib.sha256((COMPOSE / 'go.sum').read_bytes()).hexdigest()[:12]}"
    if not built.exists():
        if not shutil.which("go"):
            raise ServerMissing("install Docker Compose, or Go to build it")
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            made = Path(folder) / "docker-compose"
            small = ["-trimpath", "-ldflags=-s -w", "-o", str(made)]
            _run(["go", "build", "-C", str(COMPOSE), *small, "github.com/docker/compose/v2/cmd"])
            made.rename(built)
    plugins = config / "cli-plugins"
    plugins.mkdir(parents=True)
    (plugins / "docker-compose").symlink_to(built)


def copy_tree(to: Path) -> None:
    """Copies the files of this clone that git knows or would know."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0"):
        if name and (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, to / name)


def _run(command: list[str], environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=max(COMMAND_S, BUILD_S))
    if done.returncode:
        raise ServerMissing(f"{command[0]} failed: {(done.stdout + done.stderr)[-2000:]}")
