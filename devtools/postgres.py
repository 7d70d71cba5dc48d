"""A private PostgreSQL: installed programs, or Debian's package if this process is root."""

import shutil
import subprocess
from pathlib import Path

import psycopg

from devtools.servers import PrivateServer, ServerMissing, install, unprivileged

FOLDERS = Path("/usr/lib/postgresql")


class Postgres(PrivateServer):
    """PostgreSQL with a new, empty cluster. Raises ServerMissing."""

    def __init__(self) -> None:
        self._programs = _programs()
        super().__init__("PostgreSQL", unprivileged())
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def prepare(self) -> None:
        initdb = [str(self._programs / "initdb"), "-D", str(self.home / "data"), "-U", "postgres"]
        self.run(*initdb, "--auth=trust", "--encoding=UTF8", "--no-sync")

    def command(self) -> list[str]:
        where = ["-D", str(self.home / "data"), "-h", "127.0.0.1", "-p", str(self.port)]
        # Tests and a stack of several processes share it, each with a pool of its own.
        return [str(self._programs / "postgres"), *where, "-c", "unix_socket_directories=", "-c", "max_connections=400"]

    def answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


def _programs() -> Path:
    if not (found := _installed()):
        install("postgresql")
        found = _installed()
    if not found:
        raise ServerMissing("set POSTGRES_TEST_URL, or install PostgreSQL, or be root on Debian")
    return found


def _installed() -> Path | None:
    """Returns the folder of the programs. Debian keeps them out of PATH, in a folder for each version."""
    newest_first = sorted(FOLDERS.glob("*/bin"), key=lambda folder: float(folder.parent.name), reverse=True)
    folders = [*newest_first, *_of_path()]
    return next((folder for folder in folders if (folder / "postgres").exists() and (folder / "initdb").exists()), None)


def _of_path() -> list[Path]:
    if not (pg_config := shutil.which("pg_config")):
        return []
    return [Path(subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=True).stdout.strip())]
