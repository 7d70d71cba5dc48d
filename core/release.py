"""Which release this is."""

import tomllib
from importlib.metadata import version as installed_version
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


def release() -> str:
    """The version of this checkout, or of the installed package where there is no checkout."""
    if PROJECT.exists():
        found: str = tomllib.loads(PROJECT.read_text())["project"]["version"]
        return found
    return installed_version("quittance")
