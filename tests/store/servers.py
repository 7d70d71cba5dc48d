"""Private throw-away servers for the contract suite: each on a free port of this machine, ended by its process."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FERRETDB = "github.com/FerretDB/FerretDB@v1.24.0"
FERRETDB_BUILD_S = 240
START_S = 20

# Its own command refuses to run unless the project's build scripts made it; embedding it needs none.
FERRETDB_MAIN = """package main

import (
	"context"
	"log"
	"os"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	server, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: os.Args[1]},
		Handler:   "sqlite",
		SQLiteURL: "file:" + os.Args[2] + "/",
	})
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(server.Run(context.Background()))
}
"""


@contextmanager
def nx_27017(directory: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A MongoDB protocol server over SQLite: its url and its process."""
    port = str(_free_port())
    data, log, pid = directory / "data", directory / "log", directory / "pid"
    data.mkdir()
    main = "from nx_27017 import main; main()"
    options = ["--port", port, "--data-dir", data, "--log-file", log, "--pid-file", pid]
    with _running([sys.executable, "-c", main, *map(str, options)], port, directory) as process:
        yield f"mongodb://127.0.0.1:{port}/", process


@contextmanager
def ferretdb(directory: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """FerretDB v1 over SQLite: its url and its process. Skips where it cannot be built."""
    port = str(_free_port())
    data = directory / "data"
    data.mkdir()
    with _running([str(_ferretdb_program()), f"127.0.0.1:{port}", str(data)], port, directory) as process:
        yield f"mongodb://127.0.0.1:{port}/", process


def _ferretdb_program() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "quittance" / "ferretdb"
    program = cache / FERRETDB.rpartition("@")[2]
    if program.exists():
        return program
    go = shutil.which("go")
    if go is None:
        pytest.skip("FerretDB: no Go toolchain here to build it with")
    building = cache / f"build-{os.getpid()}"
    building.mkdir(parents=True)
    try:
        (building / "main.go").write_text(FERRETDB_MAIN)
        (building / "go.mod").write_text("module ferretdb_for_tests\n")
        _run(go, "mod", "edit", f"-require={FERRETDB}", cwd=building)
        _run(go, "build", "-mod=mod", "-o", "program", ".", cwd=building)
        (building / "program").rename(program)
    finally:
        shutil.rmtree(building)
    return program


def _run(*command: str, cwd: Path) -> None:
    try:
        subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True, timeout=FERRETDB_BUILD_S)
    except subprocess.TimeoutExpired:
        pytest.skip(f"FerretDB: not built within {FERRETDB_BUILD_S} s")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"FerretDB cannot be built: {error.stderr.strip().splitlines()[-1]}")


@contextmanager
def _running(command: list[str], port: str, directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (directory / "output").open("wb") as output:
        process = subprocess.Popen(command, cwd=directory, stdout=output, stderr=output)
    try:
        wait_until(lambda: process.poll() is not None or _listens(int(port)))
        assert process.poll() is None, (directory / "output").read_text()
        yield process
    finally:
        process.kill()
        process.wait()


def wait_until(condition: Callable[[], Any], timeout_s: float = START_S) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, f"not within {timeout_s} s"
        time.sleep(0.02)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
