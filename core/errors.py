"""Every error of the core. An exception's docstring is its message; `code` is stable and public."""

from typing import Any


class QuittanceError(Exception):
    """Something went wrong."""

    code = "internal_error"
    screen_text = "Not possible."
    """The error for a phone's screen: a text of the code, which is translated."""

    def __init__(self, message: str = "", **details: Any) -> None:
        """message: what to say instead of the docstring; details: what a log line shows besides."""
        super().__init__(message or self.__doc__)
        self._message = message
        self.details = details

    @property
    def message(self) -> str:
        return self._message or (self.__doc__ or "").strip()

    def __str__(self) -> str:
        about = ", ".join(f"{name}={value!r}" for name, value in self.details.items())
        return f"{self.message} ({about})" if about else self.message


class NotFound(QuittanceError):
    """There is no such thing."""

    code = "not_found"
    screen_text = "Unknown."


class Refused(QuittanceError):
    """This request cannot be accepted. Sending it again does not help."""

    code = "refused"


class Clash(QuittanceError):
    """This request cannot be accepted now, because of another operation."""

    code = "clash"
    screen_text = "Not possible now."


class InvalidField(Refused):
    """A field of the request is not valid. `field` names it, `why` says what is wrong with it."""

    code = "validation_failed"

    def __init__(self, field: str, why: str) -> None:
        super().__init__(why, field=field)
        self.field = field


class InvalidAmount(Refused):
    """This is not a valid amount in this currency."""

    code = "invalid_amount"
    screen_text = "Not an amount."


class UnknownCurrency(Refused):
    """This is not an ISO 4217 currency code."""

    code = "unknown_currency"
    screen_text = "Unknown currency."


class InvalidPhone(Refused):
    """This is not a valid phone number."""

    code = "invalid_phone"
    screen_text = "Not a phone number."


class IdempotencyKeyReused(Refused):
    """This idempotency key was already used for another request."""

    code = "idempotency_key_reused"


class AlreadyOpen(Clash):
    """Another operation is open and has to be closed first."""

    code = "already_open"

    def __init__(self, operation: str) -> None:
        super().__init__(operation=operation)
        self.operation = operation


class InsufficientFunds(Refused):
    """There is not enough in your wallet."""

    code = "insufficient_funds"
    screen_text = "Not enough money."


class AlreadyDecided(QuittanceError):
    """The held money was already given back or spent."""

    code = "already_decided"


class NameTaken(Clash):
    """Somebody else has this name or phone."""

    code = "name_taken"
    screen_text = "Already taken."

    def __init__(self, field: str) -> None:
        super().__init__(f"This {field} is somebody else's.", field=field)
        self.field = field


class PhoneProven(Clash):
    """A PIN has proven that the phone of this account is yours: it cannot be changed here."""

    code = "phone_proven"
    screen_text = "Not possible."


class TooManyAttempts(QuittanceError):
    """Too many wrong attempts. Wait, then try again."""

    code = "too_many_attempts"
    screen_text = "Too many attempts."

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(retry_after_s=retry_after_s)
        self.retry_after_s = retry_after_s


class ForbiddenTransition(QuittanceError):
    """An operation may not go from this status to that one."""

    code = "forbidden_transition"


class Duplicate(QuittanceError):
    """A document with this id is already stored."""

    code = "duplicate"
    screen_text = "One moment. Try again."


class Conflict(QuittanceError):
    """Another process changed or deleted the document."""

    code = "conflict"
    screen_text = "One moment. Try again."


class StoreUnavailable(QuittanceError):
    """The store does not answer. Send the same request again: if it was already stored, you get the stored one."""

    code = "store_unavailable"
    screen_text = "One moment. Try again."


class BrokerUnavailable(QuittanceError):
    """The broker does not answer."""

    code = "broker_unavailable"
    screen_text = "One moment. Try again."
