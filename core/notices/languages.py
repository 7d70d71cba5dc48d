"""Texts in people's languages: gettext translations, compiled when they are first used."""

import gettext
import io
import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from gsm0338 import Codec

from core.money import format_minor

LANGUAGES = {"fr": "Français", "en": "English", "pt": "Português", "ru": "Русский"}
"""Native names by code. The texts in the code are English."""
DEFAULT = "fr"
CATALOGUES = Path(__file__).parent / "translations"

Say = Callable[[str], str]

_GSM7 = Codec()
_RUSSIAN = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
_AS_IN_PASSPORTS = "a b v g d e e zh z i i k l m n o p r s t u f kh ts ch sh shch ie y  e iu ia"
"""ICAO Doc 9303, part 3, where the soft sign is nothing."""
_OTHERS = {"œ": "oe", "Œ": "OE", "\u2018": "'", "\u2019": "'", "«": '"', "»": '"', "\u2013": "-", "\u2014": "-"}
_LETTERS = dict(zip(_RUSSIAN, _AS_IN_PASSPORTS.split(" "), strict=True)) | _OTHERS
_LETTERS |= {letter.upper(): latin.capitalize() for letter, latin in _LETTERS.items() if letter in _RUSSIAN}
"""Replacements for characters that are not in GSM-7 even without their accents."""


@cache
def translator(language: str, catalogues: Path = CATALOGUES) -> Say:
    """A function that translates texts of the code into this language, or into DEFAULT if it is not supported.

    catalogues: the folder of the translations: by default, of what phones show.
    """
    code = language if language in LANGUAGES else DEFAULT
    if code == "en":
        return str
    compiled = io.BytesIO()
    with (catalogues / f"{code}.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=code))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled).gettext


def say_amount(minor: int, currency: str, language: str) -> str:
    """An amount such as `2 500 XOF`, formatted for this language with plain spaces.

    Babel's no-break spaces would force UCS-2 and halve a phone's screen.
    """
    number = format_decimal(
        format_minor(minor, currency), locale=language if language in LANGUAGES else DEFAULT, decimal_quantization=False
    )
    return f"{' '.join(unicodedata.normalize('NFKC', number).split())} {currency}"


def plain(text: str, language: str) -> str:
    """The text in the characters that a screen of this language can afford.

    Russian stays as it is. Other languages are transliterated to GSM-7, without the accents that it lacks.
    """
    text = unicodedata.normalize("NFKC", text)
    if language == "ru":
        return text
    return "".join(_plain_letter(letter) for letter in text)


def is_gsm7(text: str) -> bool:
    try:
        _GSM7.encode(text)
    except UnicodeEncodeError:
        return False
    return True


@lru_cache(maxsize=4096)  # the codec takes longer than all else that makes a screen
def _plain_letter(letter: str) -> str:
    return letter if is_gsm7(letter) else _LETTERS.get(letter, _base(letter))


def _base(letter: str) -> str:
    bare = "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))
    return bare if bare and is_gsm7(bare) else "?"
