"""Texts that are longer than any name or password cost no more than others."""

import unicodedata
from typing import Any

import pytest

from core.identity.passwords import MAX_CHARS
from tests.api.kit import House


def test_no_long_text_is_normalised(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its time grows with the square of the length, and nothing else of the process moves meanwhile."""
    right, lengths = unicodedata.normalize, list[int]()

    def counted(form: Any, text: str) -> str:
        lengths.append(len(text))
        return right(form, text)

    monkeypatch.setattr(unicodedata, "normalize", counted)
    marks = "a" + "\u0345" * 4_000 + "\u0334" * 4_000
    form = {"username": "awa", "password": "a wrong password"}
    for name in form:
        assert house.http.post("/v1/auth/token", data={**form, name: marks}).status_code == 401
    assert house.post({"username": marks, "password": "correct horse battery"}, path="/v1/auth").status_code == 422

    assert max(lengths) <= MAX_CHARS
