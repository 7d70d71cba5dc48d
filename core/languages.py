"""What is said to people, in their language: gettext catalogues, read as they are written."""

import gettext
import io
import unicodedata
from collections.abc import Callable
from functools import cache
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from core.money import to_text

LANGUAGES = {"fr": "Français", "en": "English", "pt": "Português", "ru": "Русский"}
"""By code, as each calls itself. English is the language of the texts in the code."""
DEFAULT = "fr"
CATALOGUES = Path(__file__).parent / "catalogues"

Say = Callable[[str], str]


@cache
def translator(language: str) -> Say:
    """Says a text of the code in this language; DEFAULT for one that there is not."""
    code = language if language in LANGUAGES else DEFAULT
    if code == "en":
        return str
    compiled = io.BytesIO()
    with (CATALOGUES / f"{code}.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=code))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled).gettext


def say_amount(minor: int, currency: str, language: str) -> str:
    """`2 500 XOF` as it is written in this language, with plain spaces: others cost a phone half its screen."""
    number = format_decimal(to_text(minor, currency), locale=language if language in LANGUAGES else DEFAULT)
    return f"{' '.join(unicodedata.normalize('NFKC', number).split())} {currency}"
