"""A private MariaDB: installed programs, or Debian's package if this process is root."""

import os
import shutil

import pymysql

from devtools.servers import PrivateServer, ServerMissing, install, unprivileged

SYSTEM_FOLDERS = "/usr/sbin:/usr/local/sbin:/usr/libexec"
SERVER, INITIALIZE = "mariadbd", "mariadb-install-db"
PROGRAMS = (SERVER, INITIALIZE, "my_print_defaults")
"""The third is called by the second, and comes with the client's package."""


class MariaDb(PrivateServer):
    """MariaDB with a new, empty data folder. Raises ServerMissing."""

    def __init__(self) -> None:
        if not all(map(_path, PROGRAMS)):
            install("mariadb-server-core", "mariadb-client-core")
        if missing := [program for program in PROGRAMS if not _path(program)]:
            raise ServerMissing(f"set MYSQL_TEST_URL, or install MariaDB ({missing[0]}), or be root on Debian")
        super().__init__("MariaDB", unprivileged())
        self.url = f"mysql://root@127.0.0.1:{self.port}/"

    def prepare(self) -> None:
        settings = ["--no-defaults", f"--datadir={self.home / 'data'}"]
        self.run(str(_path(INITIALIZE)), *settings, "--auth-root-authentication-method=normal", "--skip-test-db")

    def command(self) -> list[str]:
        where = [f"--datadir={self.home / 'data'}", f"--socket={self.home / 'socket'}", f"--port={self.port}"]
        limits = ["--bind-address=127.0.0.1", "--max-connections=400"]
        return [str(_path(SERVER)), "--no-defaults", *where, *limits, f"--pid-file={self.home / 'pid'}"]

    def answers(self) -> bool:
        try:
            pymysql.connect(host="127.0.0.1", port=self.port, user="root", connect_timeout=2, read_timeout=2).close()
        except pymysql.OperationalError:
            return False
        return True


def _path(program: str) -> str | None:
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:{SYSTEM_FOLDERS}")
