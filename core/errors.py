"""Every error the core raises. An exception's docstring is its message; `code` is stable and public."""

from typing import Any


class QuittanceError(Exception):
    """Something went wrong."""

    code = "internal_error"

    def __init__(self, **details: Any) -> None:
        super().__init__(self.__doc__)
        self.details = details

    @property
    def message(self) -> str:
        return (self.__doc__ or "").strip()

    def __str__(self) -> str:
        about = ", ".join(f"{name}={value!r}" for name, value in self.details.items())
        return f"{self.message} ({about})" if about else self.message


class InvalidAmount(QuittanceError):
    """This is not an amount of money in this currency."""

    code = "invalid_amount"


class UnknownCurrency(QuittanceError):
    """This is not an ISO 4217 currency code."""

    code = "unknown_currency"


class InvalidPhone(QuittanceError):
    """This is not a valid phone number."""

    code = "invalid_phone"


class IdempotencyKeyReused(QuittanceError):
    """This idempotency key was already used for another request."""

    code = "idempotency_key_reused"


class AlreadyOpen(QuittanceError):
    """Another operation is open that this one would have to wait for."""

    code = "already_open"

    def __init__(self, operation: str) -> None:
        super().__init__(operation=operation)
        self.operation = operation


class InsufficientFunds(QuittanceError):
    """There is not enough in the wallet."""

    code = "insufficient_funds"


class AlreadyDecided(QuittanceError):
    """What was held was given back, or spent: it cannot become the other."""

    code = "already_decided"


class NameTaken(QuittanceError):
    """Somebody else has this name or phone."""

    code = "name_taken"

    def __init__(self, field: str) -> None:
        super().__init__(field=field)
        self.field = field


class TooManyAttempts(QuittanceError):
    """There were too many wrong attempts. Wait, and try again."""

    code = "too_many_attempts"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(retry_after_s=retry_after_s)
        self.retry_after_s = retry_after_s


class ForbiddenTransition(QuittanceError):
    """An operation may not go from this status to that one."""

    code = "forbidden_transition"


class Duplicate(QuittanceError):
    """A document with this value of a unique field is already stored."""

    code = "duplicate"

    def __init__(self, field: str) -> None:
        super().__init__(field=field)
        self.field = field


class Conflict(QuittanceError):
    """The document was changed or deleted by somebody else in the meantime."""

    code = "conflict"


class StoreUnavailable(QuittanceError):
    """The store does not answer. Send the same request again: if it was stored, it is found."""

    code = "store_unavailable"


class BrokerUnavailable(QuittanceError):
    """The broker does not answer."""

    code = "broker_unavailable"
