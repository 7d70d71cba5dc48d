"""`python -m ops ussd`: a phone in the terminal, which talks to the API as a gateway does."""

import secrets
from dataclasses import dataclass, field

import click
import requests

from api.ussd import menu
from core.settings import BadSettings, read_settings

NUMBER = "+2250707000001"
LONGEST_S = 15


@click.command()
@click.argument("number", default=NUMBER)
@click.option("--url", help="Where the API is; without it, on this machine at API_PORT.")
@click.option("--graph", is_flag=True, help="Print the menus as a Mermaid flowchart, and dial nobody.")
def ussd(number: str, url: str | None, graph: bool) -> None:
    """Dial from this phone, and answer at the prompt. Ctrl-D hangs up."""
    if graph:
        click.echo(menu.graph())
        return
    try:
        settings = read_settings()
    except BadSettings as error:
        raise click.ClickException(str(error)) from None
    call = Call(number, (url or f"http://127.0.0.1:{settings.api_port}").rstrip("/"), settings.ussd_key)
    typed: str | None = ""
    while typed is not None:
        shown, over = call.send(typed)
        click.echo(shown)
        typed = None if over else _typed()


@dataclass(frozen=True)
class Call:
    """number: in any spelling; key: what the API knows its gateway by, or none."""

    number: str
    url: str
    key: str
    session: str = field(default_factory=secrets.token_hex)

    def send(self, typed: str) -> tuple[str, bool]:
        """What is shown, and whether the call is over. Raises ClickException."""
        step = {"sessionid": self.session, "msisdn": self.number, "message": typed}
        headers = {"X-Gateway-Key": self.key} if self.key else {}
        try:
            answer = requests.post(f"{self.url}/ussd/", json=step, headers=headers, timeout=LONGEST_S)
            told = answer.json()
            if answer.ok:
                return told["message"], told["command"] == "END"
            wrong = [f"{error['pointer']}: {error['detail']}" for error in told.get("errors", ())]
            refused = "; ".join(wrong) or f"{answer.status_code}: {told['detail']}"
        except (requests.ConnectionError, requests.Timeout):
            raise click.ClickException(f"{self.url} does not answer; `make run` starts an API") from None
        except (requests.RequestException, ValueError, KeyError, TypeError, AttributeError):
            raise click.ClickException(f"{self.url} is not the API of Quittance") from None
        if answer.status_code == 401:
            raise click.ClickException("the API has a USSD_KEY: it has to be this command's setting, too")
        raise click.ClickException(refused)


def _typed() -> str | None:
    """What is answered, which is never nothing; None for who hangs up."""
    try:
        while not (typed := click.prompt(">", prompt_suffix=" ", default="", show_default=False).strip()):
            pass
    except click.Abort:
        click.echo("\nHung up.")
        return None
    return str(typed)
