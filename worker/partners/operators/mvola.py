"""MVola of Telma Madagascar: the GSMA Mobile Money API with paths and headers of its own. Debits only.

MVola can be asked only by its own id of the request, which comes with the answer: when that is lost, only the callback
reports the outcome. It writes the ariary as "Ar", without decimals.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from core.clock import Clock
from core.operators import OperatorSettings
from worker.partners.http import Answer, PartnerHttp
from worker.partners.operators.client import (
    Client,
    by_uuid4,
    client_credentials,
    national,
    plain,
    read,
    unclear,
    uuid4_of,
    whole_amount,
)
from worker.partners.operators.gsma_answers import (
    Expected,
    failed,
    outcome,
    refusal,
    status_of,
    submitted,
    text_of,
    transaction,
)
from worker.partners.operators.port import Demand, Service
from worker.partners.port import Confirmed, Declined, NotFound, Pending, Reply, Unavailable, Unknown

PATH = "/mvola/mm/transactions/type/merchantpay/1.0.0/"
SCOPE = "EXT_INT_MVOLA_SCOPE"
ARIARY = "Ar"
MAX_TEXT_CHARS = 50


class Mvola:
    def __init__(self, operator: OperatorSettings, http: PartnerHttp, clock: Clock) -> None:
        options = operator.options
        key, secret = options["CONSUMER_KEY"], options["CONSUMER_SECRET"]
        tokens = client_credentials(http, clock, "/token", key, secret, scope=SCOPE)
        fixed = {
            "Version": "1.0",
            "UserLanguage": "FR",
            "UserAccountIdentifier": f"msisdn;{options['MSISDN']}",
            "partnerName": options["PARTNER_NAME"],
        }
        self._client = Client(http, clock, tokens, fixed)
        self._merchant = [{"key": "msisdn", "value": options["MSISDN"]}]
        self._clock = clock
        theirs = "server_correlation_id"
        self.debits = Service(self._debit, self._ask, asked_by_theirs=theirs, read=_read, recorded_as=by_uuid4)
        self.refunds: Service | None = None
        self.payouts: Service | None = None

    def _debit(self, demand: Demand) -> Reply:
        amount = whole_amount(demand.minor, demand.currency)
        if amount is None:
            return Declined("amount_not_supported")
        body = {
            "amount": str(amount),
            "currency": ARIARY,
            "descriptionText": plain(demand.text, MAX_TEXT_CHARS),
            "requestingOrganisationTransactionReference": demand.reference,
            "requestDate": f"{self._clock.now():%Y-%m-%dT%H:%M:%S}.000Z",
            "debitParty": [{"key": "msisdn", "value": _local(demand.phone)}],
            "creditParty": self._merchant,
        }
        headers = {"X-CorrelationID": uuid4_of(demand.reference)}
        if demand.callback_url:
            headers["X-Callback-URL"] = demand.callback_url
        return read(self._client.call("POST", PATH, body, headers), lambda answer: _submitted(answer, demand))

    def _ask(self, demand: Demand) -> Reply:
        def state(answer: Answer) -> Reply:
            match answer.status, status_of(answer.body, "status"):
                case 200, "pending":
                    return Pending()
                case 200, "failed":
                    return failed(answer.body)
                case 200, "completed" if reference := text_of(answer.body, "objectReference"):
                    return self._find(reference, demand)
                case 404, _:
                    return NotFound()
                case _:
                    return unclear(answer)

        return read(self._get(f"status/{quote(demand.known['server_correlation_id'], safe='')}", demand), state)

    def _find(self, reference: str, demand: Demand) -> Reply:
        def understand(answer: Answer) -> Reply:
            return transaction(answer, _expected(demand)) if answer.status == 200 else unclear(answer)

        return read(self._get(quote(reference, safe=""), demand), understand)

    def _get(self, path: str, demand: Demand) -> Answer | Unknown | Unavailable:
        return self._client.call("GET", PATH + path, headers={"X-CorrelationID": uuid4_of(demand.reference)})


def _submitted(answer: Answer, demand: Demand) -> Reply:
    """402 is a refusal of the business, whatever reason it has."""
    return failed(answer.body) if answer.status == 402 else submitted(answer, _expected(demand))


def _read(demand: Demand, body: Mapping[str, Any]) -> Reply:
    """A callback is a transaction, or the error that ended the request; anything else decides nothing."""
    ours = {
        "serverCorrelationId": demand.known.get("server_correlation_id"),
        "requestingOrganisationTransactionReference": demand.reference,
    }
    if any(own and body.get(name) not in (None, own) for name, own in ours.items()):
        return Unknown("a callback about another request")
    reply = outcome(body, _expected(demand)) or refusal(body)
    return reply if isinstance(reply, Confirmed | Declined) else Unknown("a callback that decides nothing")


def _expected(demand: Demand) -> Expected:
    return Expected(
        str(whole_amount(demand.minor, demand.currency)), (ARIARY, demand.currency), demand.phone, "debitParty"
    )


def _local(phone: str) -> str:
    """A phone as it is dialled in Madagascar, and as MVola writes them: "0340017983"."""
    return f"0{national(phone)}"
