"""The embedded stand-in for a topic exchange: a file, a JSON line a message, that many processes may append to."""

import io
import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.broker.port import Message, escape
from core.errors import BrokerUnavailable
from core.private_files import make_private_file, open_private, tighten
from core.sealing import BrokenSeal, Sealing

FILE = "events.log"
LOOK_AGAIN_S = 0.2
SEALED = "sealed"
"""The member of a line that holds the token of all else."""


class TopicLog:
    """sealing: by which all but the topic and the id of a message are encrypted; None: nothing is."""

    def __init__(self, folder: Path, sealing: Sealing | None = None) -> None:
        self.path = folder / FILE
        self._sealing = sealing
        tighten(self.path)
        self._lock = threading.Lock()

    def append(self, message: Message) -> None:
        """Durable when it returns. Raises BrokerUnavailable when the file cannot be written."""
        named = {"topic": message.routing_key, "message_id": message.id}
        content = {"headers": dict(message.headers), "body": message.body.decode()}
        data = json.dumps(named | self._sealed(named, content), ensure_ascii=False).encode() + b"\n"
        try:
            # In one write at the end of the file, so that lines of several processes do not mix.
            with self._lock, open(self.path, "ab+", buffering=0, opener=open_private) as file:
                whole = file.write(self._after(file) + data) >= len(data)
                os.fsync(file.fileno())
        except OSError as error:
            raise BrokerUnavailable(reason=str(error)) from None
        if not whole:
            raise BrokerUnavailable(reason="there is no room for all of it")

    def _after(self, file: io.FileIO) -> bytes:
        """What has to come before the next line: an end for one that was not written to its end."""
        if file.seek(0, os.SEEK_END) == 0:
            return b""
        file.seek(-1, os.SEEK_END)
        return b"" if file.read(1) == b"\n" else b"\n"

    def read(self, pattern: str, follow: bool = False) -> Iterator[dict[str, Any]]:
        """The messages whose topic fits the pattern, from the first one on; with `follow`, also those to come.

        Raises BrokenSeal for one that is sealed with another key, or was altered.
        """
        make_private_file(self.path)
        with open(self.path, "rb") as file:
            line = b""
            while True:
                line += file.readline()
                if line.endswith(b"\n"):  # else somebody is writing it just now, or there is no more
                    message, line = _read(line), b""
                    if message and matches_topic(pattern, message["topic"]):
                        yield self._opened(message)
                elif follow:
                    time.sleep(LOOK_AGAIN_S)
                else:
                    return

    def _sealed(self, named: dict[str, str], content: dict[str, Any]) -> dict[str, Any]:
        if self._sealing is None:
            return content
        return {SEALED: self._sealing.seal(json.dumps(content, ensure_ascii=False).encode(), _about(named))}

    def _opened(self, message: dict[str, Any]) -> dict[str, Any]:
        token = message.pop(SEALED, None)
        if token is None:
            return message
        if self._sealing is None:
            raise BrokenSeal(message=message["message_id"])
        content: dict[str, Any] = json.loads(self._sealing.open(token, _about(message)))
        return message | content


def _about(named: dict[str, str]) -> bytes:
    return f"{FILE}\n{named['topic']}\n{named['message_id']}".encode()


def _read(line: bytes) -> dict[str, Any] | None:
    """None for a line that was not written to its end: its message was not taken."""
    try:
        message: dict[str, Any] = json.loads(line)
        return message
    except ValueError:
        return None


def matches_topic(pattern: str, topic: str) -> bool:
    """As a topic exchange's binding: `*` is one word, `#` any number of them.

    pattern: its words may be escaped, as those of the topic are, or not.
    """
    words = [word if word in ("*", "#") else escape(word, keep="%") for word in pattern.split(".")]
    return _fits(words, topic.split("."))


def _fits(pattern: list[str], words: list[str]) -> bool:
    if not pattern:
        return not words
    if pattern[0] == "#":
        return any(_fits(pattern[1:], words[skipped:]) for skipped in range(len(words) + 1))
    return bool(words) and pattern[0] in ("*", words[0]) and _fits(pattern[1:], words[1:])
