"""Namespaces for a private Docker Engine: what it mounts, starts and writes beside its own folder ends with them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from devtools.servers import ServerMissing
from devtools.stack import ROOT

CGROUP = "quittance-rehearsal"
WRITTEN = ("etc", "opt")
"""Folders of this machine where the engine leaves files. Inside, what is written to them is kept aside."""

ENTER = f"""
set -e
home=$1 network=$2
shift 2
for folder in {" ".join(WRITTEN)}; do
    mkdir -p "$home/aside/$folder/upper" "$home/aside/$folder/work"
    mount -t overlay -o "lowerdir=/$folder,upperdir=$home/aside/$folder/upper,workdir=$home/aside/$folder/work" \\
        overlay "/$folder"
done
mount -t tmpfs tmpfs /run
if [ "$network" = private ]; then ip link set lo up; fi
exec "$@"
"""


def run_inside(home: Path, module: str, network: str) -> int:
    """Runs a module of ours in the namespaces, with `home` as its argument. Returns its exit code.

    network: host, or private: without any way out.
    """
    private = ["--net"] if network == "private" else []
    unshare = ["unshare", *private, "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
    inside = [sys.executable, "-m", module, str(home)]
    return subprocess.run([*unshare, "sh", "-c", ENTER, "enter", str(home), network, *inside], cwd=ROOT).returncode


@contextmanager
def no_cgroups_left() -> Iterator[None]:
    """Removes the empty control groups that the engine leaves at the end."""
    try:
        yield
    finally:
        for group in Path("/sys/fs/cgroup").glob(f"**/{CGROUP}"):
            for folder, _, _ in os.walk(group, topdown=False):
                with suppress(OSError):
                    Path(folder).rmdir()


def check_namespaces() -> None:
    """Raises ServerMissing if this process may not make namespaces."""
    if os.geteuid() != 0:
        raise ServerMissing("be root: the Docker Engine gets namespaces of its own")
    attempt = ["unshare", "--net", "--mount", "--pid", "--fork", "true"]
    tried = subprocess.run(attempt, capture_output=True, text=True)
    if tried.returncode:
        raise ServerMissing(f"this machine makes no namespaces: {tried.stderr}")
