"""A fresh sandbox for each test, which starts fast because it speaks no vendor's dialect."""

from pathlib import Path

import pytest

from tests.sandbox import Sandbox


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return Sandbox(tmp_path, dialects=())
