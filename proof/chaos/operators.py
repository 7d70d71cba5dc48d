"""Operators of every dialect at once: their settings, and the phones of their clients."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.dialects import DIALECTS
from core.operators import SANDBOX

PHONE_DIGITS = {"+225": 10, "+221": 9, "+261": 9, "+243": 9, "+237": 9, "+254": 9}
"""How many digits follow the calling code."""
BY_CHANCE, CLEAR = "11", "01"
"""Endings of phones that have money in the sandbox. Their calls are answered by chance, or without faults."""
SIGNED_WITH = "chaos-signs-the-webhooks-of-wave-with-this"


@dataclass(frozen=True)
class Market:
    """One operator, which is named after its dialect.

    prefix: the beginning of its phones.
    refunds: whether it has to give money back: not where people do it, nor where the callback has to come first.
    pays_out: whether it has to pay out: where it can, and can be asked.
    redirects: whether the payer confirms on a page.
    """

    operator: str
    prefix: str
    currency: str
    refunds: bool = False
    pays_out: bool = False
    redirects: bool = False

    @property
    def city(self) -> str:
        """The beginning of the ids of the sandbox's fines in its currency."""
        return "AM" if self.currency == "XOF" else self.currency

    def phone(self, number: int, ending: str = BY_CHANCE) -> str:
        """Returns a phone of its own for each number, until its digits are used up."""
        digits = PHONE_DIGITS[self.prefix[:4]] + 4 - len(self.prefix) - len(ending)
        return f"{self.prefix}{number % 10**digits:0{digits}d}{ending}"


MARKETS = (
    Market("generic", "+22501", "XOF", refunds=True, pays_out=True),
    Market("mtn", "+22505", "XOF", refunds=True, pays_out=True),
    Market("gsma", "+22176", "XOF", refunds=True, pays_out=True),
    Market("mvola", "+26134", "MGA"),
    Market("airtel", "+24397", "CDF", refunds=True),
    Market("orange-cm", "+23769", "XAF"),
    Market("orange-webpay", "+22507", "XOF", redirects=True),
    Market("daraja", "+25470", "KES"),
    Market("wave", "+22177", "XOF", refunds=True, pays_out=True, redirects=True),
)
PAYING_OUT = tuple(market for market in MARKETS if market.pays_out)
WITH_WALLETS = tuple(market for market in MARKETS if market.currency == "XOF" and not market.redirects)

UNASKABLE = frozenset({("mvola", "debit"), ("daraja", "debit"), ("airtel", "refund")})
"""Steps that an operator cannot be asked about when its answer is lost. A callback may come; otherwise a person decides
after a day."""


def operator_settings(proxy: str, api: str, callback_faults: float) -> Mapping[str, str]:
    """Returns the settings of all operators, and of the sandbox for them.

    proxy: the URL of what stands before the sandbox.
    api: the URL of our API, which gets the callbacks.
    callback_faults: the share of callbacks that are lost, late, doubled or wrong.
    """
    found = {
        "OPERATORS": ",".join(market.operator for market in MARKETS),
        "CALLBACK_HOST": api,
        "WAVE_WEBHOOK_SECRET": SIGNED_WITH,
        "MOCK_WAVE_WEBHOOK_SECRET": SIGNED_WITH,
        "MOCK_WAVE_WEBHOOK_URL": f"{api}/callbacks/wave",
        # A payer has to come: they pay one order, the one that they were sent to.
        "MOCK_AUTO_APPROVE": "0",
        "MOCK_APPROVAL_S": "0.5",
        "MOCK_CALLBACK_FAULT_RATE": str(callback_faults),
    }
    for market in MARKETS:
        name = market.operator.upper().replace("-", "_")
        path = "operator" if market.operator == "generic" else market.operator
        found |= {f"{name}_URL": f"{proxy}/{path}", f"{name}_PREFIXES": market.prefix}
        found |= {f"{name}_{credential}": SANDBOX for credential in DIALECTS[market.operator].credentials}
    return found
