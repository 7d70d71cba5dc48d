"""What has to be configured for each dialect that operators speak."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Dialect:
    """What has to be configured for a dialect.

    credentials: needed.
    options: of the dialect's own, with their defaults.
    currency: the ISO code of its only currency; "" where it depends on the market.
    knows_holders: whether it can say whose account a phone has.
    asks_payer: whether the payer has to approve a debit, by a PIN, a code or a page.
    """

    credentials: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    currency: str = ""
    knows_holders: bool = False
    asks_payer: bool = True


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
    "mvola": Dialect(("CONSUMER_KEY", "CONSUMER_SECRET", "MSISDN", "PARTNER_NAME"), {}, "MGA"),
    "airtel": Dialect(
        ("CLIENT_ID", "CLIENT_SECRET"), {"COUNTRY": "CD", "PIN": "", "PUBLIC_KEY": "", "CALLBACK_SECRET": ""}
    ),
    "orange-cm": Dialect(("CLIENT_ID", "CLIENT_SECRET", "USER", "PASSWORD", "MSISDN", "PIN"), {}, "XAF"),
    "orange-webpay": Dialect(("CLIENT_ID", "CLIENT_SECRET", "KEY", "RETURN_URL"), {"COUNTRY": "dev"}),
    "daraja": Dialect(
        ("CONSUMER_KEY", "CONSUMER_SECRET", "SHORTCODE", "PASSKEY"),
        {"INITIATOR": "", "SECURITY_CREDENTIAL": ""},
        "KES",
    ),
    "wave": Dialect(("KEY", "RETURN_URL"), {"WEBHOOK_SECRET": ""}),
}
"""By the name that `<OPERATOR>_DIALECT` gives. Credentials and options are `<OPERATOR>_<NAME>`, or `..._FILE`."""
