"""The fines of the sandbox: every id of the right form is a fine, and some numbers are special.

`AM-2026-000123` is a fine in XOF, `KES-2026-000123` one in KES.
"""

import hashlib
import re
from dataclasses import dataclass

CURRENCY = "XOF"
DUE, PAID, CANCELLED = "DUE", "PAID", "CANCELLED"

_OURS = "AM"
_ID = re.compile(r"([A-Z]{3}|AM)-([0-9]{4})-([0-9]{6})", re.ASCII)
_AMOUNTS = (15_000, 10_000, 5_000)
_REASONS = ("Excès de vitesse", "Stationnement gênant", "Feu rouge non respecté", "Défaut de ceinture")
_KNOWN_PLATE, _KNOWN_MSISDN = "AB-123-CD", "+2250707000001"
_KNOWN_FINES = ("AM-2026-000123", "AM-2026-000124")

# The six digits of the special fines.
UNKNOWN = 990_001
CANCELLED_BEFORE, PAID_BEFORE = 990_002, 990_003
CANCELLED_MEANWHILE, PAID_MEANWHILE = 990_004, 990_005
SETTLED_SLOWLY = 990_006


@dataclass(frozen=True)
class Fine:
    """A fine before any payment.

    amount: in the main unit of its currency.
    """

    id: str
    number: int
    amount: int
    currency: str
    status: str
    motif: str
    date: str
    immatriculation: str


def fine(fine_id: str, plate: str | None = None) -> Fine | None:
    """Returns the fine with this id, or None.

    plate: the plate of the request; None if the request names none.
    """
    match = _ID.fullmatch(fine_id)
    if match is None or int(match[3]) == UNKNOWN:
        return None
    number = int(match[3])
    return Fine(
        id=fine_id,
        number=number,
        amount=_AMOUNTS[number % 3],
        currency=CURRENCY if match[1] == _OURS else match[1],
        status={CANCELLED_BEFORE: CANCELLED, PAID_BEFORE: PAID}.get(number, DUE),
        motif=_REASONS[number % len(_REASONS)],
        date=f"{match[2]}-{number % 12 + 1:02}-{number % 28 + 1:02}",
        immatriculation=plate or (_KNOWN_PLATE if fine_id in _KNOWN_FINES else _plate_of(fine_id)),
    )


def fines_of_plate(immatriculation: str) -> tuple[str, list[Fine]]:
    """Returns the holder's phone and the fines of a plate, in any spelling."""
    letters = "".join(letter for letter in immatriculation.upper() if letter.isalnum())
    if letters == _KNOWN_PLATE.replace("-", ""):
        plate, ids = _KNOWN_PLATE, list(_KNOWN_FINES)
    else:
        plate = re.sub(r"^([A-Z]{2})([0-9]{3})([A-Z]{2})$", r"\1-\2-\3", letters)
        ids = _two_fines(letters)
    return _KNOWN_MSISDN, [found for fine_id in ids if (found := fine(fine_id, plate))]


def fines_of_phone(msisdn: str) -> tuple[str, list[Fine]]:
    """Returns the phone as +digits, and its fines. Restores a plus sign that a URL turned into a space."""
    phone = "+" + "".join(digit for digit in msisdn if digit.isdigit())
    return phone, [found for fine_id in _two_fines(phone) if (found := fine(fine_id))]


def _two_fines(query: str) -> list[str]:
    # Many years, so that thousands of different queries rarely get the same fine. Avoids the special numbers.
    number = int.from_bytes(_digest(query)) % (26 * 490_000)
    year, first = 2000 + number // 490_000, number % 490_000 * 2
    return [f"AM-{year}-{first:06}", f"AM-{year}-{first + 1:06}"]


def _plate_of(fine_id: str) -> str:
    a, b, c, d, e = (byte % 26 + ord("A") for byte in _digest(fine_id)[:5])
    return f"{a:c}{b:c}-{e % 26 * 37 + 1:03}-{c:c}{d:c}"


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=8).digest()
