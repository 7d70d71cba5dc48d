"""A second factor for people who may do much: codes of a device (TOTP, RFC 6238), and recovery codes."""

import hashlib
import hmac
import secrets
from collections.abc import Callable

import pyotp

from core.clock import Clock
from core.errors import Clash
from core.store.port import PEOPLE, Document, Store, update

ISSUER = "Quittance"
STEPS = 1
"""How many steps of 30 s the device's clock may be early or late: RFC 6238, section 5.2."""
RECOVERY_CODES = 10


class FactorKnown(Clash):
    """This account has a second factor already. Remove it first."""

    code = "second_factor_known"


class SecondFactor:
    """Every verb is for a person who exists, and raises StoreUnavailable.

    make: makes a recovery code. It is of 112 bits, so that a fast hash of it may be stored (ASVS 5.0, 6.5.2).
    """

    def __init__(self, store: Store, clock: Clock, make: Callable[[], str] = lambda: secrets.token_hex(14)) -> None:
        self._store = store
        self._clock = clock
        self._make = make

    def begin(self, person: str) -> str:
        """A new secret for the person's device, in base32. It counts when `confirm` has seen a code of it.

        Raises FactorKnown.
        """
        secret = pyotp.random_base32()

        def change(document: Document) -> Document:
            if has_factor(document):
                raise FactorKnown
            return {**document, "factor": {"secret": secret, "confirmed": False, "used": 0, "recovery": []}}

        update(self._store, PEOPLE, person, change)
        return secret

    def confirm(self, person: str, code: str) -> list[str] | None:
        """The recovery codes, once; None for a wrong code."""
        made = [self._make() for _ in range(RECOVERY_CODES)]
        right = self._change(person, code, lambda factor: not factor["confirmed"], [_hash(each) for each in made])
        return made if right else None

    def use(self, person: str, code: str) -> bool:
        """Whether the code is right. Each is right once, so that nobody who saw it can use it again."""
        return self._change(person, code, lambda factor: bool(factor["confirmed"]))

    def remove(self, person: str) -> None:
        update(self._store, PEOPLE, person, lambda document: {**document, "factor": None})

    def _change(
        self, person: str, code: str, fits: Callable[[Document], bool], recovery: list[str] | None = None
    ) -> bool:
        """Uses the code up, if it is right and the factor fits."""
        right = False

        def change(document: Document) -> Document | None:
            nonlocal right
            factor = document.get("factor")
            used = self._used(factor, code) if factor and fits(factor) else None
            right = used is not None
            if used is None:
                return None
            if recovery is not None:
                used = {**used, "confirmed": True, "recovery": recovery}
            return {**document, "factor": used}

        update(self._store, PEOPLE, person, change)
        return right

    def _used(self, factor: Document, code: str) -> Document | None:
        """The factor after the code; None for a wrong one."""
        totp, now = pyotp.TOTP(factor["secret"]), self._clock.now()
        for step in range(-STEPS, STEPS + 1):
            counter = totp.timecode(now) + step
            if counter > factor["used"] and hmac.compare_digest(
                totp.at(now, counter_offset=step).encode(), code.encode()
            ):
                return {**factor, "used": counter}
        hashed = _hash(code)
        if hashed in factor["recovery"]:
            return {**factor, "recovery": [each for each in factor["recovery"] if each != hashed]}
        return None


def has_factor(person: Document) -> bool:
    """Whether a code is needed to sign in. person: the document."""
    factor = person.get("factor")
    return factor is not None and bool(factor["confirmed"])


def uri(secret: str, username: str) -> str:
    """What a device scans as a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=ISSUER)


def _hash(code: str) -> str:
    return hashlib.sha256(code.strip().lower().encode()).hexdigest()
