# ruff: noqa: E402
"""How the API is served. gunicorn reads this file in its master process; the app itself is built in each worker."""

from gevent import monkey

monkey.patch_all()  # before anything takes its locks, sockets or threads from the standard library

import ctypes
import gc
import importlib
import os
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from core.private_files import make_private_folder
from core.secrets import pin_pepper, signing_secrets
from core.settings import BadSettings, read_settings

try:
    settings = read_settings()
    make_private_folder(settings.var_dir)
    _ = signing_secrets(settings), pin_pepper(settings)  # report wrong settings once, and not from each worker
except (BadSettings, OSError) as error:
    sys.exit(f"api: {error}")

bind = f"{settings.api_host}:{settings.api_port}"
worker_class = "api.greenlets.Worker"
workers = 2
worker_connections = 1000  # each a greenlet, also while it waits for its client
keepalive = 30  # `api.connection` has the deadlines
forwarded_allow_ips = ""  # no proxy is believed here, not even one on this machine: see `api.http.provenance`
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}
sendfile = False  # it would write past the deadline of an answer
graceful_timeout = 35  # longer than the longest Prefer: wait
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None
errorlog = "-"
loglevel = "error"  # a warning of it quotes what it could not read, which may be a phone, a token or a password

PR_SET_PDEATHSIG = 1  # linux/prctl.h

metrics_dir = settings.var_dir / "metrics" / f"api-{settings.api_port}"
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics_dir)


def on_starting(server: Any) -> None:
    """Removes the metrics of earlier runs, and imports what each worker needs: they share it, and start sooner."""
    shutil.rmtree(metrics_dir, ignore_errors=True)
    metrics_dir.mkdir(parents=True)
    importlib.import_module("web.app")  # not above: see child_exit
    gc.freeze()


def when_ready(server: Any) -> None:
    """Says where the API answers, as the sandbox does: `make run` prints nothing else of it."""
    sys.stderr.write(f"api: http://{bind}\n")
    if settings.open and not settings.local:
        sys.stderr.write("api: OPEN TO EVERYBODY who reaches this address, because of ALLOW_OPEN=1\n")


def post_fork(server: Any, worker: Any) -> None:
    """A worker dies with its master: left alone, it would keep the port from the next one while it has clients."""
    with suppress(OSError, AttributeError):  # not on Linux
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def child_exit(server: Any, worker: Any) -> None:
    # Not above: the library decides at its import whether to count for all processes.
    from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
