"""The generic senders of SMS: what a gateway answers, a file, the console."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from devtools.stack import ROOT
from tests.answers import client_of
from tests.doubles import FakeClock
from tests.sandbox import Sandbox
from worker.partners.breaker import Breaker
from worker.partners.http import PartnerHttp
from worker.partners.port import Confirmed, Declined, NotFound, Pending, Reply, Unavailable, Unknown
from worker.partners.sms.generic import HttpSms
from worker.partners.sms.local import ConsoleSms, FileSms

PHONE = "+2250707000011"
MESSAGE = {"request_id": "m:send", "to": PHONE, "text": "Перевод: выполнено"}


def http(url: str) -> HttpSms:
    return HttpSms(PartnerHttp(url, 5, connections=1, reasons=HttpSms.REASONS), Breaker("sms", FakeClock(), 1))


@pytest.mark.parametrize(
    ("status", "answer", "expected"),
    [
        (200, {"status": "SUCCESSFUL", "transaction_id": "t"}, Confirmed({"transaction_id": "t"})),
        (
            200,
            {"status": "FAILED", "reason": "INVALID_NUMBER"},
            Declined("invalid_number", {"reason": "INVALID_NUMBER"}),
        ),
        (200, {"status": "FAILED", "reason": "NO_CREDIT"}, Declined("declined", {"reason": "NO_CREDIT"})),
        (202, {"status": "PENDING"}, Pending()),
        (503, {}, Unavailable("HTTP 503")),
        (504, {"status": "SUCCESSFUL"}, Unknown("HTTP 504")),
    ],
)
def test_what_a_gateway_answers(httpserver: HTTPServer, status: int, answer: dict[str, str], expected: Reply) -> None:
    body = {"request_id": "m:send", **answer}
    httpserver.expect_request("/messages", method="POST", json=MESSAGE).respond_with_json(body, status)
    httpserver.expect_request("/requests/m:send").respond_with_json(body, status)
    sender = http(httpserver.url_for(""))
    assert sender.enquire is not None
    assert (sender.send("m:send", PHONE, MESSAGE["text"]), sender.enquire("m:send")) == (expected, expected)


@pytest.mark.parametrize(("to", "reply"), [(PHONE, Confirmed), ("+2250707000099", Declined)])
def test_the_sandbox_is_understood(httpserver: HTTPServer, tmp_path: Path, to: str, reply: type[Reply]) -> None:
    sandbox = Sandbox(tmp_path)

    def play(request: Request) -> Response:
        client = client_of(sandbox.app)
        return client.open(request.path, method=request.method, data=request.data, content_type=request.content_type)

    httpserver.expect_request("/sms/messages").respond_with_handler(play)
    httpserver.expect_request("/sms/requests/m:send").respond_with_handler(play)
    sender = http(httpserver.url_for("/sms"))
    assert sender.enquire is not None
    assert sender.enquire("m:send") == NotFound()
    replies = [sender.send("m:send", to, "hello"), sender.send("m:send", to, "hello"), sender.enquire("m:send")]
    assert [type(said) for said in replies] == [reply] * 3
    assert sandbox.really("messages") == (["m:send"] if reply is Confirmed else [])


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_bytes().splitlines() if line]


def test_a_file_has_a_line_for_each_message_and_finds_it(tmp_path: Path) -> None:
    path = tmp_path / "sms.log"
    sender = FileSms(path)
    assert sender.enquire is not None
    assert sender.enquire("m:send") == NotFound()
    assert sender.send("m:send", PHONE, MESSAGE["text"]) == Confirmed()
    assert sender.send("n:send", PHONE, 'of "m:send" and "o:send"\n') == Confirmed()
    assert lines(path)[0] == MESSAGE
    found = [FileSms(path).enquire(reference) for reference in ("m:send", "n:send", "o:send", ":send")]  # type: ignore[misc]
    assert found == [Confirmed(), Confirmed(), NotFound(), NotFound()]


def test_a_folder_that_is_not_there_is_not_sent_to(tmp_path: Path) -> None:
    assert isinstance(FileSms(tmp_path / "nowhere" / "sms.log").send("m:send", PHONE, "x"), Unavailable)


@pytest.mark.parametrize("cut", [1, 3, 4, 20])
def test_a_line_that_was_cut_off_is_no_message_and_spoils_none(tmp_path: Path, cut: int) -> None:
    """1 leaves all but the end of the line: that is a message. 4 cuts a letter of two bytes in half."""
    path = tmp_path / "sms.log"
    sender = FileSms(path)
    assert sender.enquire is not None
    sender.send("m:send", PHONE, MESSAGE["text"])
    os.truncate(path, path.stat().st_size - cut)
    assert sender.enquire("m:send") == (Confirmed() if cut == 1 else NotFound())
    sender.send("n:send", PHONE, MESSAGE["text"])
    assert (sender.enquire("m:send"), sender.enquire("n:send")) == (
        Confirmed() if cut == 1 else NotFound(),
        Confirmed(),
    )
    sender.send("m:send", PHONE, MESSAGE["text"])
    assert sender.enquire("m:send") == Confirmed()
    assert json.loads(path.read_bytes().splitlines()[-1]) == MESSAGE


@pytest.mark.slow
def test_two_processes_share_a_file(tmp_path: Path) -> None:
    path, each = tmp_path / "sms.log", 200
    code = (
        "import sys; from pathlib import Path; from worker.partners.sms.local import FileSms;"
        "sender = FileSms(Path(sys.argv[1]));"
        f"[sender.send(f'{{sys.argv[2]}}-{{n}}', '{PHONE}', 'é' * n) for n in range({each})]"
    )
    command = [sys.executable, "-c", code, str(path)]
    processes = [subprocess.Popen([*command, name], cwd=ROOT) for name in ("one", "two")]
    assert [process.wait(60) for process in processes] == [0, 0]
    body = {line["request_id"]: line["text"] for line in lines(path)}
    assert body == {f"{name}-{n}": "é" * n for name in ("one", "two") for n in range(each)}


def test_the_console_sender_writes_and_answers_no_enquiry(capsys: pytest.CaptureFixture[str]) -> None:
    assert ConsoleSms().send("m:send", PHONE, MESSAGE["text"]) == Confirmed()
    assert json.loads(capsys.readouterr().out) == MESSAGE
    assert ConsoleSms.enquire is None
