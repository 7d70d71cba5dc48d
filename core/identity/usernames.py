"""Which usernames nobody may choose for themselves: those that pass for somebody else's. UTS 39, section 5."""

import re
import unicodedata
from collections.abc import Iterable

RESERVED = frozenset(
    {"admin", "administrator", "help", "operator", "quittance", "root", "service", "support", "system"}
)
BRANDS = frozenset({"airtel", "daraja", "momo", "moov", "mpesa", "mtn", "mvola", "orange", "safaricom", "wave"})
"""Names of mobile-money operators: whoever is called so seems to ask for money in their name."""
TOGETHER = (
    frozenset({"HAN", "HIRAGANA", "KATAKANA"}),
    frozenset({"HAN", "HANGUL"}),
    frozenset({"HAN", "BOPOMOFO"}),
)
"""Scripts that one language writes together."""

_WORD = re.compile(r"[^\W\d_]+")
_WORD_WITH_DIGITS = re.compile(r"[^\W_]+")
_SMALL_CAPITAL = re.compile(r"LATIN LETTER SMALL CAPITAL ([A-Z])")
_LIKE = str.maketrans({"0": "o", "1": "l", "m": "rn", "i": "l"})
"""ASCII characters that look like others, of those that case folding leaves; and "i", whose capital looks like "l"."""


def is_misleading(username: str, operators: Iterable[str] = ()) -> bool:
    """Whether a username passes for another: of mixed or look-alike scripts, or with the name of a service in it.

    operators: names of the installation's operators, such as `mtn-ci`.
    """
    name = unicodedata.normalize("NFKC", username).casefold()
    words = set(_WORD.findall(name))
    named = {word for operator in operators for word in _WORD.findall(operator) if len(word) > 2}  # not a country
    taken = RESERVED | BRANDS | named
    shapes = {_skeleton(word) for word in _WORD_WITH_DIGITS.findall(name)}
    return bool(words & taken) or not shapes.isdisjoint(map(_skeleton, taken)) or _looks_alike(name)


def _skeleton(word: str) -> str:
    """What a word looks like: words that look alike have the same one (UTS 39, section 4), accents aside.

    word: in the case-folded form.
    """
    if not word.isascii():
        from confusable_homoglyphs.confusables import confusables_data  # noqa: PLC0415 (takes half a second)

        letters = (letter for letter in unicodedata.normalize("NFD", word) if not unicodedata.combining(letter))
        alike = ((letter, [each["c"] for each in confusables_data.get(letter, ())]) for letter in letters)
        word = "".join(next(filter(_is_plain, found), None) or _capital(letter) for letter, found in alike)
    return word.casefold().translate(_LIKE)


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isalnum()


def _capital(letter: str) -> str:
    """The letter that a small capital is; any other one is itself. The table of UTS 39 does not have them."""
    found = _SMALL_CAPITAL.fullmatch(unicodedata.name(letter, ""))
    return found[1] if found else letter


def _looks_alike(name: str) -> bool:
    """Whether scripts are mixed, or letters of another script could all be Latin ones."""
    if name.isascii():
        return False
    from confusable_homoglyphs import categories, confusables  # noqa: PLC0415 (takes half a second)

    scripts = categories.unique_aliases(name) - {"COMMON", "INHERITED"}
    if len(scripts) > 1:
        return not any(scripts <= together for together in TOGETHER)
    letters = {letter for letter in name if letter.isalpha()}
    found = confusables.is_confusable("".join(sorted(letters)), greedy=True, preferred_aliases=["latin"]) or []
    like_latin = {entry["character"] for entry in found if any(each["c"].isascii() for each in entry["homoglyphs"])}
    return scripts != {"LATIN"} and letters <= like_latin
