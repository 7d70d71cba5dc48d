"""The desk's webhooks: endpoints, which of them are off, and their last deliveries."""

from flask import Response

from api.auth.access import for_role
from api.http.context import core
from core.identity.people import Role
from core.operation import Operation
from core.store.port import OPERATIONS
from products.webhooks.contract import WEBHOOK
from products.webhooks.endpoints import Endpoint, Endpoints
from products.webhooks.off import Why
from web.desk import shown
from web.desk.entry import Desk
from web.languages import say
from web.pages import page

DELIVERIES = 50

webhooks = Desk("desk_webhooks", __name__)
BLUEPRINTS = (webhooks,)


@webhooks.show("/desk/webhooks")
@for_role(Role.OPERATOR, may_be_open=True)
def endpoints() -> Response:
    """All endpoints, those that are off first, and the newest deliveries."""
    found = sorted(_all(), key=lambda each: (each.why_off is None, each.failing_since is None, each.created_at))
    documents = core().store.find(OPERATIONS, {"kind": WEBHOOK.kind}, order="-id", limit=DELIVERIES)
    sent = [(each, WEBHOOK.read(each)) for each in map(Operation.from_document, documents)]
    deliveries = [(each.id, shown.moment(each.created_at), asked.type, each.status.value) for each, asked in sent]
    return page("webhooks.html", endpoints=found, deliveries=deliveries, off=off_notice())


def off_notice() -> str | None:
    """What the first screen of the desk says of endpoints that this installation has switched off."""
    ours = {why.value for why in Why}
    number = sum(each.why_off in ours for each in _all())
    return (
        say("Webhook endpoints that were switched off: {number}. Tell their clients.", number=number)
        if number
        else None
    )


NOTICES = (off_notice,)


def _all() -> list[Endpoint]:
    return core().of(Endpoints).all()
