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
from gsm0338 import Codec

from core.money import to_text

LANGUAGES = {"fr": "Français", "en": "English", "pt": "Português", "ru": "Русский"}
"""By code, as each calls itself. English is the language of the texts in the code."""
DEFAULT = "fr"
CATALOGUES = Path(__file__).parent / "catalogues"

Say = Callable[[str], str]

_GSM7 = Codec()
_RUSSIAN = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
_AS_IN_PASSPORTS = "a b v g d e e zh z i i k l m n o p r s t u f kh ts ch sh shch ie y  e iu ia"
"""ICAO Doc 9303, part 3, where the soft sign is nothing."""
_OTHERS = {"œ": "oe", "Œ": "OE", "\u2018": "'", "\u2019": "'", "«": '"', "»": '"', "\u2013": "-", "\u2014": "-"}
_LETTERS = dict(zip(_RUSSIAN, _AS_IN_PASSPORTS.split(" "), strict=True)) | _OTHERS
_LETTERS |= {letter.upper(): latin.capitalize() for letter, latin in _LETTERS.items() if letter in _RUSSIAN}
"""What would be no GSM-7 without its accents either, in letters that are."""


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
    number = format_decimal(
        to_text(minor, currency), locale=language if language in LANGUAGES else DEFAULT, decimal_quantization=False
    )
    return f"{' '.join(unicodedata.normalize('NFKC', number).split())} {currency}"


def plain(text: str, language: str) -> str:
    """The text in the letters that this language may cost: all but Russian in GSM-7, without the accents it lacks."""
    text = unicodedata.normalize("NFKC", text)
    if language == "ru":
        return text
    return "".join(letter if is_gsm7(letter) else _LETTERS.get(letter, _base(letter)) for letter in text)


def is_gsm7(text: str) -> bool:
    try:
        _GSM7.encode(text)
    except UnicodeEncodeError:
        return False
    return True


def _base(letter: str) -> str:
    bare = "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))
    return bare if bare and is_gsm7(bare) else "?"
