"""`quittance run`: the whole system on this machine, until Ctrl-C."""

import os
import socket
import sys

import click
from dotenv import load_dotenv
from rich.console import Console

from core.settings import DOTENV, BadSettings, read_settings
from devtools.stack import PROCFILE, ROOT, own_path
from ops.foreground import run_procfile


@click.command()
def run() -> None:
    """Run the sandbox, the API and a worker until Ctrl-C. State stays in VAR_DIR (var/)."""
    load_dotenv(DOTENV)  # from the working directory, for all three processes
    try:
        settings = read_settings()
    except BadSettings as error:
        raise click.ClickException(str(error)) from None
    mock_port = int(os.environ.get("MOCK_PORT") or "8090")
    for name, port in (("API_PORT", settings.api_port), ("MOCK_PORT", mock_port)):
        if _taken(port):
            raise click.ClickException(f"port {port} is taken; choose another one with {name}=... make run")
    Console(soft_wrap=True).print(_hint(settings.api_port, mock_port), highlight=False, markup=False)
    sys.exit(run_procfile(PROCFILE, ROOT, {"PATH": own_path()}))


def _hint(api_port: int, mock_port: int) -> str:
    return f"""
The car AB-123-CD has two fines. Ask the registry for them, and pay them. A call of the sandbox takes up to 10 s:

  curl -s 'http://127.0.0.1:{mock_port}/registry/amendes?immatriculation=AB-123-CD' |
    curl -i http://127.0.0.1:{api_port}/amendes/payments/ -H 'Content-Type: application/json' -d @-

The answer has a status_url: ask there for the outcome. Any other plate has two fines of its own.
All calls: http://127.0.0.1:{api_port}/docs
Ctrl-C stops all three processes. If one of them ends, the others stop too. The next start continues accepted payments.
"""


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
