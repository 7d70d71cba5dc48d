"""A private nginx with the configuration that we ship, in front of an API of this machine."""

import os
import shutil
import ssl
import subprocess

import requests

from devtools.servers import PrivateServer, ServerMissing, free_ports, install, unprivileged
from devtools.stack import ROOT
from devtools.tls_files import new_key, self_signed

FILES = ROOT / "deploy/nginx"
PROGRAMS = {"nginx": "nginx-light", "envsubst": "gettext-base"}
"""What the proxy needs, and the Debian packages that have it."""
SYSTEM = "/usr/sbin:/sbin"
"""Where Debian keeps nginx, which is not on every user's PATH."""


class Nginx(PrivateServer):
    """The proxy as Compose starts it. Raises ServerMissing.

    url: with TLS. plain_url: without.
    """

    def __init__(self, upstream: str, **settings: str) -> None:
        """upstream: host and port of the API. settings: of start.sh."""
        self._path = f"{os.environ.get('PATH', '')}:{SYSTEM}"
        if not self._installed():
            install(*PROGRAMS.values())
        if not self._installed():
            raise ServerMissing("install nginx and envsubst, or be root on Debian")
        super().__init__("nginx", unprivileged())
        (self.plain_port,) = free_ports(1)
        self.url, self.plain_url = f"https://127.0.0.1:{self.port}", f"http://127.0.0.1:{self.plain_port}"
        self._settings = {
            "PROXY_RUN": str(self.home),
            "PROXY_FILES": str(self.home / "files"),
            "PROXY_ACCESS_LOG": str(self.home / "access"),  # its user may not open the output
            "PROXY_UPSTREAM": upstream,
            "PROXY_HTTP_PORT": f"127.0.0.1:{self.plain_port}",
            "PROXY_HTTPS_PORT": f"127.0.0.1:{self.port}",
            "TLS_CERTIFICATE": str(self.home / "tls_certificate"),
            "TLS_KEY": str(self.home / "tls_key"),
            **settings,
        }

    @property
    def trust(self) -> str:
        """The file of certificates by which clients know this server."""
        return str(self.home / "tls_certificate")

    def tls(self) -> ssl.SSLContext:
        """For clients that use sockets."""
        return ssl.create_default_context(cafile=self.trust)

    def prepare(self) -> None:
        shutil.copytree(FILES, self.home / "files")  # the server's user may not read this repository
        key = new_key()
        for name, text in {"tls_certificate": self_signed(key), "tls_key": key}.items():
            path = self.home / name
            path.write_text(text)
            if user := unprivileged():
                shutil.chown(path, user)

    def command(self) -> list[str]:
        settings = [f"{name}={value}" for name, value in {"PATH": self._path, **self._settings}.items()]
        return ["env", "-i", *settings, "sh", str(self.home / "files/start.sh")]

    def answers(self) -> bool:
        try:
            return requests.get(f"{self.plain_url}/healthz", timeout=2).status_code != 429
        except requests.RequestException:
            return False

    def reload(self, name: str, text: str) -> None:
        """Replaces one of the files, and has nginx read all of them again."""
        (self.home / "files" / name).write_text(text)
        run = ["nginx", "-c", str(self.home / "nginx.conf"), "-e", "stderr", "-s", "reload"]
        subprocess.run(run, check=True, env={"PATH": self._path}, capture_output=True)

    def _installed(self) -> bool:
        return all(shutil.which(program, path=self._path) for program in PROGRAMS)


def log_of(server: Nginx) -> str:
    """What the server printed, and its access log."""
    return "".join((server.home / name).read_text(errors="replace") for name in ("output", "access"))
