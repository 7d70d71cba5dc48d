"""Airtel Money: debits, refunds of a whole debit, and payouts. Source: developers.airtel.africa.

Airtel knows debits and payouts by an id of ours, and answers neither amount nor phone. A refund has no id of ours: when
its answer is lost, a person finds out. Payouts need our PIN, encrypted with Airtel's public key. The version of them
that signs whole messages (v3) is not spoken.
"""

import base64
import re
from urllib.parse import quote

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from core.clock import Clock
from core.operators import OperatorSettings
from core.settings import BadSettings
from core.short_references import shortened
from worker.partners.http import PartnerHttp
from worker.partners.operators.airtel_answers import PAYMENTS, PAYOUTS, paid_out, refunded, status_of, submitted
from worker.partners.operators.client import Client, by_known, national, plain, read, short_id_of, whole_amount
from worker.partners.operators.port import Demand, Service
from worker.partners.operators.tokens import Tokens
from worker.partners.port import Declined, Reply

MAX_TEXT_CHARS, MIN_TEXT_CHARS = 64, 4
PAYOUT_KIND = "B2C"


class Airtel:
    def __init__(self, operator: OperatorSettings, http: PartnerHttp, clock: Clock) -> None:
        options = operator.options
        grant = {
            "client_id": options["CLIENT_ID"],
            "client_secret": options["CLIENT_SECRET"],
            "grant_type": "client_credentials",
        }
        self._country = options["COUNTRY"]
        self._pin, self._key = options["PIN"], _key(operator)
        tokens = Tokens(lambda: http.exchange("POST", "/auth/oauth2/token", grant), clock)
        self._client = Client(http, clock, tokens, {"X-Country": self._country})
        self.debits = Service(self._debit, self._ask, recorded_as=_recorded_as)
        self.refunds: Service | None = Service(
            self._refund, recorded_as=lambda refund: by_known("airtel_money_id", refund.debit)
        )
        payouts = Service(self._pay_out, self._ask_payout, recorded_as=_recorded_as)
        self.payouts: Service | None = payouts if self._pin and self._key else None

    def _debit(self, demand: Demand) -> Reply:
        amount = whole_amount(demand.minor, demand.currency)
        if amount is None:  # Airtel's answers lack the amount: one that was rounded would never be noticed.
            return Declined("amount_not_supported")
        market, id = {"country": self._country, "currency": demand.currency}, own_id(demand.reference)
        body = {
            "reference": plain(demand.text, MAX_TEXT_CHARS) or id,
            "subscriber": {**market, "msisdn": national(demand.phone)},
            "transaction": {"amount": amount, **market, "id": id},
        }
        return read(self._client.call("POST", "/merchant/v1/payments/", body, _currency(demand)), submitted)

    def _ask(self, demand: Demand) -> Reply:
        id = own_id(demand.reference)
        path = f"/standard/v1/payments/{quote(id, safe='')}"
        answer = self._client.call("GET", path, headers=_currency(demand))
        return read(answer, lambda answer: status_of(answer, id, PAYMENTS))

    def _refund(self, demand: Demand) -> Reply:
        """Only the whole amount can be given back, and only of a debit whose id at Airtel is known."""
        assert demand.debit is not None
        theirs = demand.debit.known.get("airtel_money_id")
        if not theirs or demand.minor != demand.debit.minor:
            return Declined("refund_by_hand")
        body = {"transaction": {"airtel_money_id": theirs}}
        return read(self._client.call("POST", "/standard/v1/payments/refund", body, _currency(demand)), refunded)

    def _pay_out(self, demand: Demand) -> Reply:
        assert self._key is not None
        amount = whole_amount(demand.minor, demand.currency)
        if amount is None:
            return Declined("amount_not_supported")
        id = own_id(demand.reference)
        body = {
            "payee": {"currency": demand.currency, "msisdn": national(demand.phone)},
            "reference": _letters(demand.text) or id,
            "pin": encrypted(self._pin, self._key),
            "transaction": {"amount": amount, "id": id, "type": PAYOUT_KIND},
        }
        answer = self._client.call("POST", "/standard/v2/disbursements/", body, _currency(demand))
        return read(answer, lambda answer: paid_out(answer, id))

    def _ask_payout(self, demand: Demand) -> Reply:
        id = own_id(demand.reference)
        path = f"/standard/v2/disbursements/{quote(id, safe='')}?transactionType={PAYOUT_KIND}"
        answer = self._client.call("GET", path, headers=_currency(demand))
        return read(answer, lambda answer: status_of(answer, id, PAYOUTS))


def own_id(reference: str) -> str:
    """Returns our id of a debit or a payout: the reference in letters and digits, as a callback names nothing else."""
    return shortened(reference) or short_id_of(reference)


def encrypted(pin: str, key: RSAPublicKey) -> str:
    """Returns a PIN as Airtel wants it: encrypted with RSA (PKCS#1 v1.5), in base64."""
    return base64.b64encode(key.encrypt(pin.encode(), PKCS1v15())).decode()


def _key(operator: OperatorSettings) -> RSAPublicKey | None:
    """Returns the public key of the settings: base64, with or without the lines around it (PEM); None if it is empty.

    Raises BadSettings.
    """
    text = re.sub(r"-----[A-Z ]+-----|\s", "", operator.options["PUBLIC_KEY"])
    if not text:
        return None
    try:
        found = load_der_public_key(base64.b64decode(text, validate=True))
    except (ValueError, UnsupportedAlgorithm):
        found = None
    if not isinstance(found, RSAPublicKey):
        name = operator.name.upper().replace("-", "_")
        raise BadSettings(f"{name}_PUBLIC_KEY: must be Airtel's RSA public key, in base64 or PEM")
    return found


def _letters(text: str) -> str:
    """A text as the reference of a payout, which takes 4 to 64 letters and digits; "" if it is too short."""
    found = re.sub(r"[^0-9A-Za-z]", "", plain(text, 2 * MAX_TEXT_CHARS))[:MAX_TEXT_CHARS]
    return found if len(found) >= MIN_TEXT_CHARS else ""


def _recorded_as(demand: Demand) -> str:
    return own_id(demand.reference)


def _currency(demand: Demand) -> dict[str, str]:
    return {"X-Currency": demand.currency}
