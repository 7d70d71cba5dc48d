"""Which fines somebody else is paying, as it is known when a payment is asked for."""

from datetime import datetime
from math import ceil

from core.bootstrap import Core
from core.claims import Claims
from core.clock import to_rfc3339
from core.errors import Clash
from core.operation import Operation
from core.store.port import OPERATIONS, RESERVATIONS
from products.fines.contract import BEING_PAID, RESERVED, FinePayment, unpaid_until


class FineBeingPaid(Clash):
    """Somebody is paying this fine."""

    code = BEING_PAID

    def __init__(self, fine: str, until: datetime, now: datetime) -> None:
        """until: when the fine is free, unless it is paid until then."""
        super().__init__(f"The fine {fine} is being paid. Try again at {to_rfc3339(until)}.")
        self.retry_after_s = max(1, ceil((until - now).total_seconds()))


def refuse_what_is_being_paid(core: Core, payment: FinePayment) -> None:
    """Raises FineBeingPaid. The worker decides about a fine that nobody has reserved yet."""
    claims, now = Claims(core.store, RESERVATIONS, lambda holder, value: False, RESERVED), core.clock.now()
    for fine in payment.amendes:
        holder = claims.holder(fine.id)
        document = core.store.get(OPERATIONS, holder) if holder else None
        if document is None:
            continue
        until = unpaid_until(Operation.from_document(document), now, core.settings.payer_time_s)
        if until is not None and until > now:
            raise FineBeingPaid(fine.id, until, now)
