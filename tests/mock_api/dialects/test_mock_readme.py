"""The sandbox's page and its README: every command in them works as it stands."""

import re
import shlex
from pathlib import Path

import pytest
from werkzeug.datastructures import Authorization

from mock_api import answers
from mock_api.app import DIALECTS
from mock_api.examples import BASE, EXAMPLES, GENERIC
from mock_api.settings import VARIABLES
from tests.answers import Answer
from tests.sandbox import Sandbox

README = (Path(__file__).parents[3] / "mock_api/README.md").read_text()


def run(sandbox: Sandbox, command: str) -> Answer:
    """Sends what a curl command would send."""
    method, headers, data, user, url = "", {}, None, None, ""
    words = iter(shlex.split(command.replace("\\\n", " ")))
    assert next(words) == "curl"
    for word in words:
        if word == "-X":
            method = next(words)
        elif word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-d":
            data = next(words)
        elif word == "-u":
            name, _, secret = next(words).partition(":")
            user = Authorization("basic", {"username": name, "password": secret})
        elif word != "-i":
            url = word
    if data is not None:
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
    assert url.startswith(BASE)
    return sandbox.call(method or ("GET" if data is None else "POST"), url[len(BASE) :], headers, data=data, auth=user)


def test_every_command_of_the_readme_works(sandbox: Sandbox) -> None:
    blocks = re.findall(r"```sh\n(curl.*?)```", README, re.DOTALL)
    commands = [command for block in blocks for command in re.split(r"\n(?=curl)", block.strip())]
    assert len(commands) > 20
    for command in commands:
        answer = run(sandbox, command)
        assert answer.status_code < 300, (command, answer.text)
    assert all(example in README for example in (*EXAMPLES.values(), GENERIC))


def test_every_name_is_documented() -> None:
    for name in (*answers.ANSWERS, *answers.CALLBACK_ANSWERS, *answers.CALLS, *answers.DIALECTS, *VARIABLES):
        assert f"`{name}`" in README, name
    for dialect in DIALECTS:
        assert f"| `{dialect.prefix}` |" in README
    assert {dialect.manner.dialect for dialect in DIALECTS} == set(answers.DIALECTS) == set(EXAMPLES)


def test_the_page_shows_the_ledger_and_commands_that_work(sandbox: Sandbox) -> None:
    sandbox.start(wave_webhook_secret="hush")
    for command in (*EXAMPLES.values(), GENERIC):
        assert run(sandbox, command).status_code < 300
    sandbox.now += 2
    page = sandbox.get("/").text
    assert "http://localhost/mtn/collection" in page
    assert all(debit["transaction_id"] in page for debit in sandbox.truth()["debits"])
    assert "hush" not in page
    assert 'http-equiv="refresh"' not in page
    assert 'http-equiv="refresh"' in sandbox.get("/?live").text
    assert "http" not in re.sub(
        r"http://localhost|http-equiv|http://127", "", re.sub(r"<pre>.*?</pre>", "", page, flags=re.DOTALL)
    )


@pytest.mark.parametrize("text", ["<script>x</script>", "'\"><b>x"])
def test_the_page_escapes_what_callers_send(sandbox: Sandbox, text: str) -> None:
    sandbox.debit(text.replace(" ", ""))
    sandbox.call("PUT", "/_callbacks/airtel", json={"url": f"http://x/{text}"})
    page = sandbox.get("/").text
    assert text not in page
    assert "&lt;" in page
