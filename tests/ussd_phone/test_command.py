"""`ops ussd`: dialling in a terminal."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pytest_httpserver import HTTPServer
from structlog.testing import capture_logs

from api.ussd.menu import Menus, graph
from core.installed import DEFAULT
from devtools.stack import ROOT, free_port
from ops.ussd import ussd
from tests.api.kit import build
from tests.ussd_phone.kit import served

KEY = "a key of the gateway's"
REGISTERS = "2\n2589\n2589\n"


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    for name in ("USSD_KEY", "API_PORT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an API, at the port that the settings name. Its log is not what the command prints."""
    with capture_logs(), served(build()) as url:
        monkeypatch.setenv("API_PORT", url.rpartition(":")[2])
        yield url


def dial(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(ussd, arguments, input=typed)


def screens(done: Result) -> list[str]:
    """What was shown between the prompts, without what was typed."""
    return [part.partition("\n")[2].strip() for part in ("\n" + done.output).split("> ")]


def test_a_dialogue_goes_on_until_it_ends(api: str, number: str) -> None:
    done = dial(number, typed=f"{REGISTERS}5\n0\n0\n")

    assert done.exit_code == 0, done.output
    shown = screens(done)
    assert shown[0].splitlines()[1] == "2 English"
    assert shown[1:3] == ["Welcome. Choose a PIN:", "The PIN again:"]
    assert shown[3].startswith("1 Transfer money\n2 Withdraw")
    assert shown[4] == "Balance: 0 XOF"
    assert shown[6] == "Goodbye."
    assert len(shown) == 7


def test_without_a_number_it_is_the_one_of_the_documentation(api: str) -> None:
    assert dial(typed=REGISTERS).exit_code == 0

    assert dial("07 07 00 00 01").output.startswith("1 Transfer money")


@pytest.mark.parametrize("typed", ["", "2\n", "2\n2589"])
def test_the_end_of_input_hangs_up(api: str, number: str, typed: str) -> None:
    done = dial(number, typed=typed)

    assert done.exit_code == 0
    assert done.output.endswith("\nHung up.\n")


def test_an_empty_line_is_no_answer(api: str, number: str) -> None:
    done = dial(number, typed="\n  \n2\n")

    assert done.output.count("2 English") == 1
    assert "Choose a PIN:" in done.output


def test_every_call_is_a_session_of_its_own(api: str, number: str) -> None:
    dial(number, typed=f"{REGISTERS}6\n")

    assert "Go on where you were?" in dial(number).output


def test_the_api_may_be_elsewhere(api: str, number: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_PORT", str(free_port()))

    assert "2 English" in dial(number, "--url", f"{api}/").output


def test_the_key_of_the_settings_is_sent(number: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(build(ussd_key=KEY)) as url:
        for wrong in ("", "another"):
            monkeypatch.setenv("USSD_KEY", wrong)
            refused = dial(number, "--url", url)
            assert refused.exit_code == 1
            assert "USSD_KEY" in refused.output

        monkeypatch.setenv("USSD_KEY", KEY)
        assert "2 English" in dial(number, "--url", url).output


def test_an_error_is_one_line(api: str, number: str, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/page/ussd/").respond_with_data("<h1>hello</h1>")
    httpserver.expect_request("/list/ussd/").respond_with_json([])
    httpserver.expect_request("/down/ussd/").respond_with_json({"detail": "The store did not confirm."}, status=503)
    other = httpserver.url_for("")
    for arguments, message in (
        (("12",), "/msisdn: Not a valid phone number."),
        ((number, "--url", f"http://127.0.0.1:{free_port()}"), "does not answer"),
        ((number, "--url", f"{other}page"), "did not answer as the API"),
        ((number, "--url", f"{other}list"), "did not answer as the API"),
        ((number, "--url", f"{other}down"), "503: The store did not confirm."),
        ((number, "--url", "nowhere"), "did not answer as the API"),
    ):
        done = dial(*arguments)
        assert done.exit_code == 1
        assert message in done.output
        assert done.output.startswith("Error: ")
        assert done.output.count("\n") == 1


def test_wrong_settings_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_PORT", "none")

    done = dial()

    assert done.exit_code == 1
    assert "API_PORT" in done.output


def test_the_picture_needs_no_api(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_PORT", str(free_port()))

    assert dial("--graph").output == f"{graph(Menus(DEFAULT.members('ussd', 'ENTRIES')))}\n"


def test_in_a_real_terminal(api: str, number: str) -> None:
    # Given somebody at a terminal who registers, asks for the balance, and presses Ctrl-D
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "ops", "ussd", number]
    with subprocess.Popen(command, cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True) as process:
        os.close(theirs)
        shown = b""
        for typed in (b"2\r", b"2589\r", b"2589\r", b"5\r", b"\x04"):
            while not shown.endswith(b"> "):
                shown += os.read(ours, 1000)
            os.write(ours, typed)
            shown += b"|"
        while b"Hung up." not in shown:
            shown += os.read(ours, 1000)
    os.close(ours)

    assert process.returncode == 0
    assert b"Balance: 0 XOF" in shown
