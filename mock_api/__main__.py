"""`python -m mock_api`: serves the sandbox. Its settings come from the environment (see README.md)."""

import errno
import os
import signal
import socket
import sqlite3
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from dotenv import load_dotenv
from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]  # it has no types
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]  # it has no types

from mock_api.app import create_app
from mock_api.settings import BadSettings, Settings, read_settings

THREADS = 1_100
"""Each slow call occupies a sleeping thread: enough for a thousand of them, and some for fast calls."""
KEEPALIVE_S = 75
"""Longer than the idle time of clients' connection pools, so that clients close connections, not the server."""
SHARED_MEMORY = "/dev/shm"
NO_MASTER = 0
"""The process id of gunicorn's master process, when there is none."""
HUNG_UP = b"mock_api: stopped by SIGHUP: its terminal has closed (start it with nohup to keep it running)\n"


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn's classes have no types
    """A gunicorn worker without a master process. It keeps running when the shell that started it ends."""

    def is_parent_alive(self) -> bool:
        """Returns True: otherwise gunicorn would silently stop the worker when its parent process changes."""
        return True

    def init_signals(self) -> None:
        """Makes SIGHUP stop the worker like SIGTERM, with a message. SIGHUP stays ignored under nohup."""
        before = signal.getsignal(signal.SIGHUP)
        super().init_signals()
        signal.signal(signal.SIGHUP, signal.SIG_IGN if before is signal.SIG_IGN else self.handle_hang_up)

    def handle_hang_up(self, number: int, frame: FrameType | None) -> None:
        # Not print(): the signal may have interrupted a print. The write may fail, as the terminal is gone.
        with suppress(OSError):
            os.write(sys.stderr.fileno(), HUNG_UP)
        self.handle_exit(number, frame)


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn's classes have no types
    """One gunicorn worker with many threads, in this process.

    Without a master process, a killed sandbox ends at once and frees its port.
    """

    def __init__(self, app: Flask, listener: socket.socket) -> None:
        self._app = app
        self._listener = listener
        super().__init__()

    def load_config(self) -> None:
        chosen = {
            "worker_class": Worker,
            "threads": THREADS,
            # More connections than threads: idle kept-alive ones hold no thread.
            "worker_connections": 4 * THREADS,
            "keepalive": KEEPALIVE_S,
            # A stop does not wait for slow answers.
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
        worker = Worker(0, NO_MASTER, [self._listener], self, 0, self.cfg, log)
        worker.init_process()


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.create_server((settings.host, settings.port), family=family, backlog=4 * THREADS)
    # An answer is sent in two writes. Without this option the second one waits 40 ms for the ACK of the first.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def main() -> int:
    """Serves until SIGTERM, SIGINT or SIGHUP. Returns the exit code when it cannot start."""
    load_dotenv(".env")  # from the working directory; the environment takes precedence
    try:
        settings = read_settings(os.environ)
    except BadSettings as error:
        print(f"mock_api: {error}", file=sys.stderr)
        return 2
    try:
        # Listen before opening the state file: a second sandbox must not touch the file of the first.
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
    # A daemon: it ends with the process, whatever it waits for.
    threading.Thread(target=app.extensions["sender"].run_for_ever, name="callbacks", daemon=True).start()
    print(f"mock_api: http://{settings.host}:{settings.port} (seed {settings.seed})", file=sys.stderr, flush=True)
    return _serve(Server(app, listener))


def _serve(server: Server) -> NoReturn:
    code = 0
    try:
        server.run()
    except SystemExit:
        # gunicorn raises SystemExit on SIGINT.
        pass
    except Exception:
        traceback.print_exc()
        code = 1
    # Not sys.exit(): it would wait for the threads that sleep in slow answers.
    os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
