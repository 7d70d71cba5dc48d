"""`make rehearse`, for root on Debian: prepares, builds the images, and plays."""

import shutil
import sys
import tempfile
import time
from pathlib import Path

import click

from devtools.rehearsal.engine import need_programs
from devtools.rehearsal.images import copy_tree, install_compose, make_base
from devtools.rehearsal.namespaces import check_namespaces, no_cgroups_left, run_inside
from devtools.servers import ServerMissing


def rehearse() -> int:
    """Rehearses in a temporary folder, which is removed at the end. Returns the exit code. Raises ServerMissing."""
    check_namespaces()
    need_programs()
    home = Path(tempfile.mkdtemp(prefix="quittance-rehearsal-"))
    try:
        with no_cgroups_left():
            _prepare(home)
            return run_inside(home, "devtools.rehearsal.build", "host") or run_inside(
                home, "devtools.rehearsal.play", "private"
            )
    finally:
        shutil.rmtree(home)


def _prepare(home: Path) -> None:
    began = time.monotonic()
    copy_tree(home / "tree")
    install_compose(home / "config")
    make_base(home / "base.tar")
    click.echo(f"prepared: Docker Compose and a base image ({time.monotonic() - began:.0f} s)")


if __name__ == "__main__":
    try:
        sys.exit(rehearse())
    except ServerMissing as missing:
        sys.exit(f"the rehearsal needs more: {missing}")
