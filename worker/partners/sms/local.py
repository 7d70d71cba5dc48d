"""Senders of SMS on this machine: to a file, or to the console."""

import json
import math
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from core.private_files import open_private, tighten
from worker.partners.breaker import Breaker
from worker.partners.port import Confirmed, NotFound, Reply, Unavailable


class FileSms:
    """Appends each message to a file, as a line of JSON. An enquiry looks for the line.

    A line cut short by a full disk or a power loss is no message, and the next message starts on a new line. While
    another process is writing, its line may look cut short: then an empty line comes after it, which means nothing.
    """

    breaker: Breaker | None = None
    known_for_s: float = math.inf
    repeats = False

    def __init__(self, path: Path) -> None:
        self._path = path
        tighten(path)
        self._lock = threading.Lock()
        self.enquire: Callable[[str], Reply] | None = self._find

    def send(self, reference: str, to: str, text: str) -> Reply:
        line = _line(reference, to, text).encode()
        try:
            with self._lock, open(self._path, "ab+", opener=open_private) as file:
                file.write(b"\n" + line if _cut_off(file) else line)  # one write: other processes append too
        except OSError as error:
            return Unavailable(str(error))
        return Confirmed()

    def _find(self, reference: str) -> Reply:
        quoted = json.dumps(reference).encode()
        with suppress(FileNotFoundError), self._path.open("rb") as file:
            if any(quoted in line and _names(line, reference) for line in file):
                return Confirmed()
        return NotFound()


class ConsoleSms:
    """Prints each message to the worker's standard output, for trials. Two messages do less harm there than none."""

    breaker: Breaker | None = None
    enquire: Callable[[str], Reply] | None = None
    known_for_s: float = 0
    repeats = True

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
