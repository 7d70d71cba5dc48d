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


def is_misleading(username: str, operators: Iterable[str] = ()) -> bool:
    """Whether a username passes for another: of mixed or look-alike scripts, or with the name of a service in it.

    operators: names of the installation's operators, such as `mtn-ci`.
    """
    name = unicodedata.normalize("NFKC", username).casefold()
    words = set(_WORD.findall(name))
    named = {word for operator in operators for word in _WORD.findall(operator) if len(word) > 2}  # not a country
    return bool(words & (RESERVED | BRANDS | named)) or _looks_alike(name)


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
