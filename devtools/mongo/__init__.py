"""A private server of MongoDB's protocol: mongo-java-server, in memory. Each of its operations is one atomic step.

It is one process without a replica set: it has no elections, and its data ends with it.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pymongo
from pymongo.errors import PyMongoError

from devtools.servers import COMMAND_S, PrivateServer, ServerMissing

POM = Path(__file__).with_name("pom.xml")
LAUNCHER = Path(__file__).with_name("Launcher.java")


class JavaMissing(ServerMissing):
    """There is no Java or no Maven, which nothing here installs."""


class Mongo(PrivateServer):
    """An empty server. Raises ServerMissing, JavaMissing."""

    durable = False

    def __init__(self) -> None:
        self._java = _program("java")
        self._libraries = _libraries()
        super().__init__("MongoDB")
        self.url = f"mongodb://127.0.0.1:{self.port}/"

    def prepare(self) -> None:
        """Nothing: all is in memory."""

    def command(self) -> list[str]:
        # Without parallel collectors and the second compiler: the cores belong to what is tested.
        java = [self._java, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{self._libraries}/*"]
        return [*java, str(LAUNCHER), str(self.port)]

    def answers(self) -> bool:
        client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(self.url, serverSelectionTimeoutMS=500)
        with client:
            try:
                client.admin.command("ping")
            except PyMongoError:
                return False
        return True


def _program(name: str) -> str:
    found = shutil.which(name)
    if not found:
        raise JavaMissing(f"set STORE_TEST_URL, or install Java 17 and Maven: there is no {name}")
    return found


def _libraries() -> Path:
    """Returns the folder of the server's libraries, which Maven fills once for each version of the pom.xml."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "quittance"
    folder = cache / f"mongo-{hashlib.sha256(POM.read_bytes()).hexdigest()[:12]}"
    if folder.exists():
        return folder
    maven = _program("mvn")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as filling:
        copy = [maven, "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={filling}/jars"]
        done = subprocess.run(copy, capture_output=True, text=True, timeout=COMMAND_S)
        if done.returncode:
            raise ServerMissing(f"Maven cannot get the server: {done.stdout[-1000:]}{done.stderr[-1000:]}")
        with suppress(OSError):  # another process was faster
            Path(filling, "jars").rename(folder)
    return folder
