"""Serves the sandbox: `python -m mock_api`, set by the environment (see README.md)."""

import errno
import os
import socket
import sqlite3
import sys
import traceback
from pathlib import Path
from typing import NoReturn

from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]  # it has no types

from mock_api.app import create_app
from mock_api.settings import BadSettings, Settings, read_settings

# A thread sleeps through each slow call: a thousand of them, and some to spare for the fast ones.
THREADS = 1_100
# Clients keep their connections; longer than any pool's idle time, so that it is they who close.
KEEPALIVE_S = 75
SHARED_MEMORY = "/dev/shm"


class Server(BaseApplication):  # type: ignore[misc]  # of a class without types
    """One gunicorn worker of many threads, in this very process.

    There is no master process above it: a sandbox that is killed is gone at once, and its port free.
    """

    def __init__(self, app: Flask, listener: socket.socket) -> None:
        self._app = app
        self._listener = listener
        super().__init__()

    def load_config(self) -> None:
        chosen = {
            "worker_class": "gthread",
            "threads": THREADS,
            # More connections than threads: idle kept-alive ones hold no thread.
            "worker_connections": 4 * THREADS,
            "keepalive": KEEPALIVE_S,
            # Whoever stops the sandbox does not want to wait for its slow answers.
            "graceful_timeout": 1,
            "control_socket_disable": True,
            "worker_tmp_dir": SHARED_MEMORY if Path(SHARED_MEMORY).is_dir() else None,
            "loglevel": "warning",
        }
        for name, value in chosen.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._app

    def run(self) -> None:
        log = self.cfg.logger_class(self.cfg)
        worker = self.cfg.worker_class(0, os.getppid(), [self._listener], self, 0, self.cfg, log)
        worker.init_process()


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.create_server((settings.host, settings.port), family=family, backlog=4 * THREADS)
    # Head and body of an answer go out in two writes; without this the second waits 40 ms for the first one's ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def main() -> int:
    """Serves until SIGTERM or SIGINT. Returns the exit code when it cannot start."""
    try:
        settings = read_settings(os.environ)
    except BadSettings as error:
        print(f"mock_api: {error}", file=sys.stderr)
        return 2
    try:
        # Before the state is opened: a second sandbox must not touch the first one's.
        listener = _listen(settings)
    except OSError as error:
        reason = "the port is taken" if error.errno == errno.EADDRINUSE else error
        print(f"mock_api: cannot listen on {settings.host}:{settings.port}: {reason}", file=sys.stderr)
        return 1
    try:
        app = create_app(settings)
    except (OSError, sqlite3.Error) as error:
        print(f"mock_api: cannot keep state in {settings.var_dir}: {error}", file=sys.stderr)
        return 1
    print(f"mock_api: http://{settings.host}:{settings.port} (seed {settings.seed})", file=sys.stderr, flush=True)
    return _serve(Server(app, listener))


def _serve(server: Server) -> NoReturn:
    code = 0
    try:
        server.run()
    except SystemExit:
        # How gunicorn leaves on SIGINT.
        pass
    except Exception:
        traceback.print_exc()
        code = 1
    # Not sys.exit: threads asleep in a slow answer would hold the process back for as long as they sleep.
    os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
