"""Logs: one JSON object a line on standard error, without phone numbers, tokens or keys."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from functools import partial
from typing import Any, TextIO

import structlog

_PHONE = re.compile(r"(?<![\w-])\+?\d{10,15}(?![\w-])|(?<![\w-])(?:\+|00)\d(?:[ .]?\d){8,13}(?![\w-])")
"""A phone as we write it, and as people do, with an international prefix: `+225 07 07 00 00 01`."""

_NATIONAL = re.compile(r"(?<![\w:.-])0\d(?: \d\d){3,4}(?![\w:-])")
"""A phone as it is written in its country: `07 07 00 00 01`."""

_TOKEN = re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*|\bqtk_[\w-]+")
"""JSON Web Tokens, and keys of machine clients."""

_PASSWORD = re.compile(r"(?<=://)([^\s/:@]*):[^\s/@]+@")
"""The password in a URL."""


def redact(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Masks what looks like a phone number, a token, a key or a password in a URL, in every text of a log line."""
    for name, value in event.items():
        event[name] = _masked(value)
    return event


def _masked(value: Any) -> Any:
    """The value, with every text in it masked, however deep."""
    if isinstance(value, str):
        for phones in (_PHONE, _NATIONAL):
            value = phones.sub(lambda found: f"{found[0][:4]}***{found[0][-2:]}", value)
        value = _TOKEN.sub(lambda found: f"{found[0][:4]}***", value)
        return _PASSWORD.sub(r"\1:***@", value)
    if isinstance(value, Mapping):
        return {_masked(key): _masked(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_masked(each) for each in value]
    return value


def _sign(process: str, _: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {"process": process, **event}


class Lossy:
    """A text file whose write errors are dropped.

    A process that goes on after its terminal, or the reader of its pipe, has gone must not fail at each line it logs.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._file.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._file.flush()


def configure(process: str, level: str) -> None:
    """process: the name that every line carries."""
    structlog.configure(
        processors=[
            partial(_sign, process),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level)),
        logger_factory=structlog.PrintLoggerFactory(Lossy(sys.stderr)),  # type: ignore[arg-type]  # it only writes and flushes
        cache_logger_on_first_use=True,
    )
