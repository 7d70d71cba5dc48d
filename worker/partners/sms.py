"""Senders of SMS: to a console or a file on this machine, or by HTTP.

The contract of the HTTP one is that of every partner: `POST {SMS_URL}/messages` with `request_id`, `to` (E.164) and
`text` answers `{"request_id", "status"}`, the same for the same request id, as does
`GET {SMS_URL}/requests/<request_id>`.
"""

import json
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from worker.partners.guard import Guard
from worker.partners.http import PartnerHttp
from worker.partners.port import Confirmed, NotFound, Reply, Unavailable


class SmsSender(Protocol):
    """enquire: None for a sender that cannot tell; it may then send a message twice."""

    guard: Guard | None
    enquire: Callable[[str], Reply] | None

    def send(self, reference: str, to: str, text: str) -> Reply: ...


class HttpSms:
    REASONS = ("INVALID_NUMBER",)

    def __init__(self, http: PartnerHttp, guard: Guard) -> None:
        self.guard: Guard | None = guard
        self._http = http
        self.enquire: Callable[[str], Reply] | None = http.enquire

    def send(self, reference: str, to: str, text: str) -> Reply:
        return self._http.submit("POST", "/messages", {"request_id": reference, "to": to, "text": text})


class FileSms:
    """A line of JSON for each message, which is looked for before another one is written.

    A line that a full disk or a loss of power cut off is no message, and the next one does not go on in it.
    """

    guard: Guard | None = None

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self.enquire: Callable[[str], Reply] | None = self._find

    def send(self, reference: str, to: str, text: str) -> Reply:
        line = _line(reference, to, text).encode()
        try:
            with self._lock, self._path.open("ab+") as file:
                file.write(b"\n" + line if _cut_off(file) else line)  # in one write, as other processes do
        except OSError as error:
            return Unavailable(str(error))
        return Confirmed()

    def _find(self, reference: str) -> Reply:
        marked = json.dumps(reference).encode()
        with suppress(FileNotFoundError), self._path.open("rb") as file:
            if any(marked in line and _names(line, reference) for line in file):
                return Confirmed()
        return NotFound()


class ConsoleSms:
    """On the worker's own output; for trying."""

    guard: Guard | None = None
    enquire: Callable[[str], Reply] | None = None

    def send(self, reference: str, to: str, text: str) -> Reply:
        sys.stdout.write(_line(reference, to, text))
        sys.stdout.flush()
        return Confirmed()


def _line(reference: str, to: str, text: str) -> str:
    return json.dumps({"request_id": reference, "to": to, "text": text}, ensure_ascii=False) + "\n"


def _cut_off(file: BinaryIO) -> bool:
    if file.seek(0, os.SEEK_END) == 0:
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"


def _names(line: bytes, reference: str) -> bool:
    try:
        return bool(json.loads(line)["request_id"] == reference)
    except ValueError:
        return False
