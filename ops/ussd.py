"""`quittance ussd`: a phone in the terminal, which talks to the API as a gateway does."""

import secrets
from dataclasses import dataclass, field

import click
import requests

from api.ussd.menu import Menus
from api.ussd.menu import graph as menus_graph
from core.settings import BadSettings, read_settings

NUMBER = "+2250707000001"
TIMEOUT_S = 15


@click.command()
@click.argument("number", default=NUMBER)
@click.option("--url", help="URL of the API. Default: this machine, at API_PORT.")
@click.option("--graph", is_flag=True, help="Print the menus as a Mermaid flowchart, and do not dial.")
def ussd(number: str, url: str | None, graph: bool) -> None:
    """Dial from a phone in this terminal. Answer at the prompt; Ctrl-D hangs up."""
    try:
        settings = read_settings()
    except BadSettings as error:
        raise click.ClickException(str(error)) from None
    if graph:
        click.echo(menus_graph(Menus(settings.installed.members("ussd", "ENTRIES"))))
        return
    call = Call(number, (url or f"http://127.0.0.1:{settings.api_port}").rstrip("/"), settings.ussd_key)
    typed: str | None = ""
    while typed is not None:
        shown, over = call.send(typed)
        click.echo(shown)
        typed = None if over else _typed()


@dataclass(frozen=True)
class Call:
    """One USSD session. number: in any spelling; key: the gateway's key, or empty."""

    number: str
    url: str
    key: str
    session: str = field(default_factory=secrets.token_hex)

    def send(self, typed: str) -> tuple[str, bool]:
        """Sends one answer. Returns the screen, and whether the session has ended. Raises ClickException."""
        step = {"sessionid": self.session, "msisdn": self.number, "message": typed}
        headers = {"X-Gateway-Key": self.key} if self.key else {}
        try:
            answer = requests.post(f"{self.url}/ussd/", json=step, headers=headers, timeout=TIMEOUT_S)
            body = answer.json()
            if answer.ok:
                return body["message"], body["command"] == "END"
            wrong = [f"{error['pointer']}: {error['detail']}" for error in body.get("errors", ())]
            refused = "; ".join(wrong) or f"{answer.status_code}: {body['detail']}"
        except (requests.ConnectionError, requests.Timeout):
            raise click.ClickException(f"{self.url} does not answer; `make run` starts an API") from None
        except (requests.RequestException, ValueError, KeyError, TypeError, AttributeError):
            raise click.ClickException(f"{self.url} did not answer as the API of Quittance does; check --url") from None
        if answer.status_code == 401:
            raise click.ClickException("the API refused our gateway key: set USSD_KEY to the API's own value")
        raise click.ClickException(refused)


def _typed() -> str | None:
    """The answer, which is never empty; None when the caller hangs up."""
    try:
        while not (typed := click.prompt(">", prompt_suffix=" ", default="", show_default=False).strip()):
            pass
    except click.Abort:
        click.echo("\nHung up.")
        return None
    return str(typed)
