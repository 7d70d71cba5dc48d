"""Whether an account that names the caller's phone may become the caller's."""

from core.bootstrap import Core
from core.identity.people import Person, Role
from core.store.port import JOURNAL, OPERATIONS


def is_free(core: Core, account: Person) -> bool:
    """Whether nobody loses by it when who holds the phone gets the account.

    A phone that the account had proven is one of its keys. One that it only named may be a typing error, and belongs
    to a stranger: then the account must have no money, and none may be on its way. Rights never come by a phone.
    """
    if account.role is not Role.USER or account.has_factor or account.suspended:
        return False
    return account.phone_proven or not (_has_money(core, account.id) or _is_needed(core, account.id))


def _is_needed(core: Core, id: str) -> bool:
    """Whether a product pays money to the person's wallet: see `depends_on` of its contract."""
    contracts = core.settings.installed.modules("contract")
    return any(contract.depends_on(core.store, id) for contract in contracts if hasattr(contract, "depends_on"))


def _has_money(core: Core, id: str) -> bool:
    """Whether money is in the person's wallet, was in it, or is on its way."""
    wallet = core.wallet_of(id)
    if wallet["balance"] or wallet["holds"] or core.store.find(JOURNAL, {"account": id}, limit=1):
        return True
    kinds = [contract.kind for contract in core.settings.installed.contracts.values() if contract.legs]
    return any(
        core.store.find(OPERATIONS, {"kind": kind, member: id}, limit=1)
        for kind in kinds
        for member in ("client", "counterparty")
    )
