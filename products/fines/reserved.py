"""Which fines somebody else is paying, as it is known when a payment is asked for."""

from datetime import datetime
from math import ceil

from core.bootstrap import Core
from core.claims import Claims
from core.clock import to_rfc3339
from core.errors import Clash
from core.keeping import Keeping
from core.operation import Operation
from core.store.port import OPERATIONS, RESERVATIONS
from products.fines.contract import BEING_PAID, RESERVED, FinePayment, gave_up, has_money


class FineBeingPaid(Clash):
    """Somebody is paying this fine."""

    code = BEING_PAID

    def __init__(self, fine: str, until: datetime, now: datetime) -> None:
        """until: when the fine is free, unless it is paid until then."""
        super().__init__(f"The fine {fine} is being paid. Try again at {to_rfc3339(until)}.")
        self.retry_after_s = max(1, ceil((until - now).total_seconds()))


def refuse_what_is_being_paid(core: Core, payment: FinePayment) -> None:
    """Raises FineBeingPaid. The worker decides about a fine that nobody has reserved yet."""
    claims = Claims(core.store, RESERVATIONS, lambda holder, value: False, RESERVED)
    keeping, now = Keeping(core.settings.payer_time_s), core.clock.now()
    for fine in payment.amendes:
        claim = claims.read(fine.id)
        document = core.store.get(OPERATIONS, claim["holder"]) if claim and claim["holder"] else None
        if claim is None or document is None:
            continue
        holder = Operation.from_document(document)
        until = keeping.until(claim, holder)
        if until > now and not (holder.terminal or has_money(holder) or gave_up(holder)):
            raise FineBeingPaid(fine.id, until, now)
