"""What all dialects share: debits, refunds and payouts as kinds of orders, decided by the phone."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from mock_api.books import Books, Order
from mock_api.ledger import SUCCESSFUL
from mock_api.phones import ABSENT, HABITS, SLOW, VERDICTS, Habit
from mock_api.settings import Settings
from mock_api.trade import Trade, Trades, Verdict, digest

DEBIT_NOT_FOUND, NOT_REFUNDABLE, EXPIRED = "DEBIT_NOT_FOUND", "NOT_REFUNDABLE", "EXPIRED"

MONEY = ("msisdn", "amount", "currency", "callback")
Decide = Callable[[Books, Order], Verdict | None]
"""A vendor's own test numbers and amounts; None leaves the decision to the phone."""


@dataclass(frozen=True)
class Times:
    """How long orders wait, in seconds.

    approval_s: until the payer approves, or the partner settles.
    pending_s: for a slow payer.
    expiry_s: until an order without an answer of the payer expires.
    waits_for_page: whether only a visit of the payer's page ends a debit.
    """

    approval_s: float
    pending_s: float
    expiry_s: float
    waits_for_page: bool = False

    @classmethod
    def of(cls, settings: Settings, expiry_s: float, *, waits_for_page: bool = False) -> "Times":
        """Returns the times of a dialect.

        expiry_s: the vendor's own time.
        """
        expiry_s = expiry_s if settings.expiry_s is None else settings.expiry_s
        return cls(settings.approval_s, settings.pending_s, expiry_s, waits_for_page)

    def by_phone(self, order: Order) -> Verdict:
        """Returns what the payer or payee of an order does, and when."""
        digits = order.content["msisdn"][-2:]
        if digits == ABSENT or (self.waits_for_page and order.call == "debit"):
            return Verdict(EXPIRED, waits=True, after_s=self.expiry_s)
        if digits == SLOW:
            return Verdict(waits=True, after_s=self.pending_s)
        return Verdict(VERDICTS.get(digits, Verdict()).reason, waits=True, after_s=self.approval_s)


def habit(order: Order) -> Habit | None:
    """Returns how calls about a magic phone or a vendor's test number are answered. Refunds have none of them."""
    digits = order.content["msisdn"][-2:]
    if order.call == "refund":
        return None
    return HABITS["01"] if digits == ABSENT or "test_number" in order.content else HABITS.get(digits)


def trades(
    dialect: str,
    times: Times,
    number: Callable[[Order], str],
    own_debit: Decide = lambda books, order: None,
    own_refund: Decide = lambda books, order: None,
    own_payout: Decide = lambda books, order: None,
    *,
    refunds_wait: bool = True,
) -> Trades:
    """Returns the three kinds of orders of a dialect.

    number: returns the transaction id in the vendor's form.
    own_debit, own_refund, own_payout: the vendor's test numbers and amounts.
    refunds_wait: whether a refund is PENDING first.
    """

    def by_phone(own: Decide) -> Callable[[Books, Order], Verdict]:
        return lambda books, order: own(books, order) or times.by_phone(order)

    def refund(books: Books, order: Order) -> Verdict:
        decided = Verdict(_why_not(books, order), waits=refunds_wait, after_s=times.approval_s)
        return own_refund(books, order) or decided

    def record(books: Books, order: Order) -> None:
        books.write_note(f"transaction:{dialect}:{number(order)}", order.request_id)
        if order.call == "refund":
            books.write_note(_total_key(order), str(_refunded(books, order) + Decimal(order.content["amount"])))

    fixed = {"dialect": dialect}
    reported = ("debit_request_id", *MONEY)
    return {
        (dialect, "debit"): Trade("debits", number, MONEY, by_phone(own_debit), record, fixed, waits=True),
        (dialect, "refund"): Trade("refunds", number, reported, refund, record, fixed, refunds_wait),
        (dialect, "payout"): Trade("payouts", number, MONEY, by_phone(own_payout), record, fixed, waits=True),
    }


def _why_not(books: Books, order: Order) -> str | None:
    debit = books.request(order.partner, order.content["debit_id"])
    if debit is None or debit.order.call != "debit":
        return DEBIT_NOT_FOUND
    total = _refunded(books, order) + Decimal(order.content["amount"])
    too_much = total > Decimal(debit.order.content["amount"])
    return NOT_REFUNDABLE if debit.status != SUCCESSFUL or too_much else None


def _total_key(order: Order) -> str:
    return f"refunded:{order.partner}:{order.content['debit_id']}"


def _refunded(books: Books, order: Order) -> Decimal:
    return Decimal(books.note(_total_key(order)) or 0)


def digits(order: Order, count: int) -> str:
    """Returns a number with so many digits that depends on the order's id alone, for transaction ids."""
    return f"{int.from_bytes(digest(order)) % 10**count:0{count}}"
