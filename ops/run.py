"""`make run`: the whole system on this machine, until Ctrl-C."""

import os
import socket
import sys

import click
from rich.console import Console

from core.settings import BadSettings, read_settings
from ops.stack import PROCFILE, ROOT, own_path


@click.command()
def run() -> None:
    """Start the sandbox, the API and a worker, until Ctrl-C. State lives under VAR_DIR (var/) and survives."""
    try:
        settings = read_settings()
    except BadSettings as error:
        raise click.ClickException(str(error)) from None
    mock_port = int(os.environ.get("MOCK_PORT") or "8090")
    for name, port in (("API_PORT", settings.api_port), ("MOCK_PORT", mock_port)):
        if _taken(port):
            raise click.ClickException(f"port {port} is taken; choose another one with {name}=... make run")
    Console(soft_wrap=True).print(_hint(settings.api_port, mock_port), highlight=False, markup=False)
    os.chdir(ROOT)
    os.environ["PATH"] = own_path()
    os.execv(sys.executable, [sys.executable, "-m", "honcho", "start", "--procfile", str(PROCFILE)])


def _hint(api_port: int, mock_port: int) -> str:
    return f"""
What does the car AB-123-CD owe? Ask the registry, and pay what it answers. The sandbox takes up to 10 s a call:

  curl -s 'http://127.0.0.1:{mock_port}/registry/amendes?immatriculation=AB-123-CD' |
    curl -i http://127.0.0.1:{api_port}/amendes/payments/ -H 'Content-Type: application/json' -d @-

Once paid, it owes nothing; any other plate owes two fines of its own. Follow the payment at its status_url.
All calls: http://127.0.0.1:{api_port}/docs
Ctrl-C, or the end of one of the three, stops them all; what was accepted goes on at the next start.
"""


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
