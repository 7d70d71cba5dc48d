"""Documents of earlier releases, brought to the form of this release when they are read.

A document's `schema` is the number of its form; a document without it has form 1. Each collection whose form has
changed has a tuple of pure functions: the first one brings form 1 to form 2, and so on. Release 0.1.0 wrote form 1.
"""

import zlib
from collections.abc import Callable, Mapping
from typing import Any

from core.errors import StoreUnavailable

Upcast = Callable[[Mapping[str, Any]], dict[str, Any]]
Upcasts = tuple[Upcast, ...]


class NewerDocument(StoreUnavailable):
    """A later release has written this document. This process has to be upgraded before it can read it."""


def _renaming(**names: str) -> Upcast:
    """An upcast that renames fields, where they are: old="new"."""

    def rename(document: Mapping[str, Any]) -> dict[str, Any]:
        return {names.get(name, name): value for name, value in document.items()}

    return rename


def _with_bucket(document: Mapping[str, Any]) -> dict[str, Any]:
    # Release 0.1.0 left the fingerprint out on MongoDB where there was none.
    return {"fingerprint": None, **document, "bucket": zlib.crc32(document["id"].encode()) % 64}


def _with_calls(document: Mapping[str, Any]) -> dict[str, Any]:
    steps = {name: {**record, "calls": []} for name, record in document.get("steps", {}).items()}
    return {**document, "steps": steps, "operator": None}


def _with_report_to(document: Mapping[str, Any]) -> dict[str, Any]:
    return {**document, "report_to": None}


def _with_given_back(document: Mapping[str, Any]) -> dict[str, Any]:
    return {**document, "given_back": {}, "receivers": []}


def _with_short(document: Mapping[str, Any]) -> dict[str, Any]:
    return {**document, "short": document["id"][-8:]}


OPERATION: Upcasts = (
    _renaming(counterpart="counterparty", tell="notification"),
    _with_bucket,
    _with_calls,
    _with_report_to,
    _with_given_back,
    _with_short,
)
CLAIM: Upcasts = (_renaming(operation="holder"),)
USSD_SESSION: Upcasts = (_renaming(tells="follows"),)


def latest(upcasts: Upcasts) -> int:
    """The form that this release writes."""
    return len(upcasts) + 1


def upcast(upcasts: Upcasts, document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The document in the form that this release writes: itself, when it has that already.

    Raises NewerDocument.
    """
    schema = document.get("schema", 1)
    if schema == len(upcasts) + 1:
        return document
    if schema > len(upcasts) + 1:
        raise NewerDocument(id=document["id"], schema=schema)
    for step in upcasts[schema - 1 :]:
        document = step(document)
    return {**document, "schema": latest(upcasts)}
