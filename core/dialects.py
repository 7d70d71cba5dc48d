"""What has to be configured for each dialect that operators speak, and what it can do with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Way(StrEnum):
    """How money that a phone has paid goes back to it."""

    REFUND = "refund"
    PAYOUT = "payout"  # where the dialect has no refunds, or none of this amount
    BY_HAND = "by_hand"  # where it has no payouts either: a person gives the money back


@dataclass(frozen=True)
class Offer:
    """Something that a dialect does.

    needs: the options without which it does not.
    whole_only: of refunds, whether only a whole debit can be given back.
    """

    needs: tuple[str, ...] = ()
    whole_only: bool = False

    def holds(self, options: Mapping[str, str]) -> bool:
        return all(options.get(name) for name in self.needs)


@dataclass(frozen=True)
class Dialect:
    """What has to be configured for a dialect.

    credentials: needed.
    options: of the dialect's own, with their defaults.
    currency: the ISO code of its only currency; "" where it depends on the market.
    knows_holders: whether it can say whose account a phone has.
    asks_payer: whether the payer has to approve a debit, by a PIN, a code or a page.
    refunds, payouts: None where it has none.
    """

    credentials: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    currency: str = ""
    knows_holders: bool = False
    asks_payer: bool = True
    refunds: Offer | None = Offer()
    payouts: Offer | None = Offer()

    def way_back(self, options: Mapping[str, str], whole: bool) -> Way:
        """Returns how money goes back to a phone.

        options: of the operator. whole: whether it is all that was debited.
        """
        if self.refunds and self.refunds.holds(options) and (whole or not self.refunds.whole_only):
            return Way.REFUND
        return Way.PAYOUT if self.payouts and self.payouts.holds(options) else Way.BY_HAND


INITIATES = ("INITIATOR", "SECURITY_CREDENTIAL")

DIALECTS: Mapping[str, Dialect] = {
    "generic": Dialect((), {"USER": "", "PASSWORD": ""}),
    "mtn": Dialect(
        ("USER", "KEY", "SUBSCRIPTION_KEY"),
        {
            "MARKET": "mtnivorycoast",
            "REFUND": "refund",
            "DISBURSEMENT_USER": "",
            "DISBURSEMENT_KEY": "",
            "DISBURSEMENT_SUBSCRIPTION_KEY": "",
        },
        knows_holders=True,
    ),
    "gsma": Dialect(("KEY",), {"CLIENT_ID": "", "ACCOUNT": "quittance"}, knows_holders=True),
    "mvola": Dialect(
        ("CONSUMER_KEY", "CONSUMER_SECRET", "MSISDN", "PARTNER_NAME"), {}, "MGA", refunds=None, payouts=None
    ),
    "airtel": Dialect(
        ("CLIENT_ID", "CLIENT_SECRET"),
        {"COUNTRY": "CD", "PIN": "", "PUBLIC_KEY": "", "CALLBACK_SECRET": ""},
        refunds=Offer(whole_only=True),
        payouts=Offer(("PIN", "PUBLIC_KEY")),
    ),
    "orange-cm": Dialect(
        ("CLIENT_ID", "CLIENT_SECRET", "USER", "PASSWORD", "MSISDN", "PIN"), {}, "XAF", refunds=None, payouts=None
    ),
    "orange-webpay": Dialect(
        ("CLIENT_ID", "CLIENT_SECRET", "KEY", "RETURN_URL"), {"COUNTRY": "dev"}, refunds=None, payouts=None
    ),
    "daraja": Dialect(
        ("CONSUMER_KEY", "CONSUMER_SECRET", "SHORTCODE", "PASSKEY"),
        {"INITIATOR": "", "SECURITY_CREDENTIAL": ""},
        "KES",
        refunds=Offer(INITIATES, whole_only=True),
        payouts=Offer(INITIATES),
    ),
    "wave": Dialect(("KEY", "RETURN_URL"), {"WEBHOOK_SECRET": ""}),
}
"""By the name that `<OPERATOR>_DIALECT` gives. Credentials and options are `<OPERATOR>_<NAME>`, or `..._FILE`."""
