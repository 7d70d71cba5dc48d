"""`kill -9` of a real worker during each call that each dialect makes: the next worker leaves one debit, one refund.

Every place has an operation of its own, with an operator of its own: so the proxy knows whose call it sees, and one
killed worker has all the dialects at all their calls.
"""

import signal
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests

from core.dialects import DIALECTS
from core.operators import SANDBOX
from devtools.stack import Stack
from proof.chaos.payers import Payers
from tests.conformance.kit import MARKETS, MORE, REDIRECTS, WITHOUT_REFUNDS
from tests.e2e.holding import HoldingProxy, Place
from tests.e2e.kit import FAST, Json, Payments

pytestmark = pytest.mark.slow
PAY, PAY_OUT = "pay", "pay-out"
CALLS: dict[tuple[str, str], tuple[str, ...]] = {
    ("generic", PAY): ("debit", "refund"),
    ("mtn", PAY): ("token", "debit", "ask", "token", "refund", "ask"),
    ("gsma", PAY): ("debit", "ask", "find", "refund", "ask", "find"),
    ("mvola", PAY): ("token", "debit", "ask", "find"),
    ("airtel", PAY): ("token", "debit", "ask", "refund"),
    ("orange-cm", PAY): ("token", "prepare", "debit", "ask"),
    ("orange-webpay", PAY): ("token", "prepare", "ask"),
    ("daraja", PAY): ("token", "debit", "ask", "refund"),
    ("wave", PAY): ("debit", "ask", "refund", "ask"),
    ("generic", PAY_OUT): ("payout",),
    ("mtn", PAY_OUT): ("token", "payout", "ask"),
    ("gsma", PAY_OUT): ("payout", "ask", "find"),
    ("airtel", PAY_OUT): ("token", "payout", "ask"),
    ("daraja", PAY_OUT): ("token", "payout"),
    ("wave", PAY_OUT): ("payout", "ask"),
}
"""The calls of a payment and its refund, where the dialect has refunds, and of a payout."""
UNASKABLE = {("mvola", "debit"), ("daraja", "debit"), ("daraja", "refund"), ("daraja", "payout"), ("airtel", "refund")}
"""Calls that nobody can ask about when their answer is lost: a callback reports the outcome of those that arrived."""
WITHOUT_CALLBACK = {("airtel", "refund")}
"""Except of these."""
TIMEOUT_S = 8.0
"""The worker has to be killed before it gives up the first call that is held."""
REACHED_WITHIN_S = TIMEOUT_S - 1
SETTINGS = {
    **FAST,
    "MOCK_LATENCY_MAX_S": "0",
    "MOCK_APPROVAL_S": "0",
    "MOCK_AUTO_APPROVE": "0",
    "PARTNER_TIMEOUT_S": str(TIMEOUT_S),
    "SETTLE_WINDOW_S": str(TIMEOUT_S + 1),
    "WORKER_CONCURRENCY": "200",
    "PAYOUT_LIMITS": "100000 XOF,100000 KES,100000 CDF",
}
ADMIN = {"Authorization": f"Bearer {FAST['ADMIN_TOKEN']}"}
REFUSED_FINE, PAID_FINE = 990_004, 1
"""Numbers of fines: the registry cancels the first after the debit, so that the money is given back."""
AMOUNT = 10_000


@dataclass(frozen=True)
class Killed:
    """An operation during whose call the worker is killed.

    number: of the operation, from 0.
    place: None for one whose calls are only counted.
    """

    number: int
    dialect: str
    flow: str
    place: Place | None

    @property
    def operator(self) -> str:
        return f"{self.dialect}-{self.number}"

    @property
    def phone(self) -> str:
        return f"{MARKETS[self.dialect][0][:-6]}{self.number:04d}11"

    @property
    def calls(self) -> tuple[str, ...]:
        return CALLS[self.dialect, self.flow]

    @property
    def submission(self) -> str:
        """What the worker is doing when it is killed: a token is fetched for the call after it."""
        if self.place is None:
            return ""
        return next(call for call in self.calls[self.place.call :] if call != "token")

    @property
    def received(self) -> bool:
        """Whether the operator has received the call that the worker was making."""
        return self.place is not None and self.place.answered and self.calls[self.place.call] != "token"

    @property
    def undecided(self) -> bool:
        """Whether nobody can know what happened: neither the operator nor a callback will say it."""
        unheard = not self.received or (self.dialect, self.submission) in WITHOUT_CALLBACK
        return unheard and (self.dialect, self.submission) in UNASKABLE

    @property
    def end(self) -> str:
        if self.undecided:
            return "processing"
        return "refunded" if "refund" in self.calls else "succeeded"

    @property
    def effects(self) -> set[str]:
        """What has to have happened at the operator, each once."""
        wanted: set[str] = {call for call in ("debit", "refund", "payout") if call in self.calls}
        wanted |= {"debit"} if self.flow == PAY else set()  # the payer makes it, at orange-webpay
        if not self.undecided or self.received:
            return wanted
        return {"debit"} if self.submission == "refund" else set()

    def ask(self, payments: Payments) -> requests.Response:
        request = {"msisdn": self.phone, "currency": MARKETS[self.dialect][1], "operator": self.operator}
        if self.flow == PAY_OUT:
            return payments.post("/v1/payouts", {**request, "amount": AMOUNT}, ADMIN)
        fine = PAID_FINE if self.dialect in WITHOUT_REFUNDS else REFUSED_FINE
        city = "AM" if request["currency"] == "XOF" else request["currency"]
        fines = [{"id": f"{city}-{2000 + self.number}-{fine:06d}", "amount": AMOUNT}]
        return payments.ask({**request, "amount": AMOUNT, "amendes": fines})


def every_place() -> Iterator[Killed]:
    """Every flow undisturbed, and then every place; those that a worker reaches last come first."""
    places = [
        (dialect, flow, Place(call, answered))
        for (dialect, flow), calls in CALLS.items()
        for call in range(len(calls))
        for answered in (False, True)
    ]
    places.sort(key=lambda place: -place[2].call)
    for number, (dialect, flow, place) in enumerate([*((*key, None) for key in CALLS), *places]):
        yield Killed(number, dialect, flow, place)


KILLED = tuple(every_place())


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Payments, HoldingProxy]]:
    names = {**SETTINGS, "OPERATORS": ",".join(each.operator for each in KILLED)}
    prefixes = {each.operator: "/operator" if each.dialect == "generic" else f"/{each.dialect}" for each in KILLED}
    places = {each.operator: each.place for each in KILLED if each.place}
    with (
        Stack(tmp_path_factory.mktemp("killed"), names) as stack,
        HoldingProxy(stack.mock_api, prefixes, places) as proxy,
    ):
        for each in KILLED:
            stack.environment |= operator_settings(each, proxy.url, stack.api)
        stack.start()
        yield Payments(stack), proxy


def operator_settings(killed: Killed, proxy: str, api: str) -> dict[str, str]:
    name = killed.operator.upper().replace("-", "_")
    credentials = dict.fromkeys(DIALECTS[killed.dialect].credentials, SANDBOX) | dict(MORE.get(killed.dialect, {}))
    addresses = {f"{name}_URL": f"{proxy}/{killed.operator}", f"{name}_CALLBACK_HOST": api}
    return addresses | {f"{name}_{credential}": value for credential, value in credentials.items()}


def test_a_worker_killed_during_any_call_of_any_dialect_leaves_one_debit(
    proxied: tuple[Payments, HoldingProxy],
) -> None:
    payments, proxy = proxied
    with Payers() as payers:
        # Given an operation for each place, and a worker that has reached them all
        asked = {each: each.ask(payments) for each in KILLED}
        for each, answer in asked.items():
            assert answer.status_code == 202, (each, answer.text)
            if each.dialect in REDIRECTS and each.flow == PAY:
                payers.add(answer.json()["status_url"])
        assert proxy.wait_until_held(REACHED_WITHIN_S) == set()

        # When it is killed, and another one takes over
        assert payments.stack.stop(["worker"], by=signal.SIGKILL) == {"worker": -signal.SIGKILL}
        proxy.release()
        payments.stack.start(["worker"], label="-2")

        # I expect all to end whose outcome can be known
        for each, answer in asked.items():
            if not each.undecided:
                assert payments.end(answer, headers=ADMIN)["status"] == each.end, each

    # the others to wait without being sent again
    for each, answer in asked.items():
        shown = requests.get(answer.json()["status_url"], headers=ADMIN, timeout=30).json()
        assert shown["status"] == each.end, each
        repeated = {entry["step"] for entry in shown["timeline"] if entry["event"] == "step_repeated"}
        assert not (each.undecided and repeated), each

    # and each effect once
    truth = requests.get(f"{payments.stack.mock_api}/_truth", timeout=30).json()
    for each in KILLED:
        assert effects(truth, each) == dict.fromkeys(each.effects, 1), each
    assert payments.audit()["discrepancies"] == {}

    # and no call to be missing in CALLS
    for each in KILLED:
        if each.place is None:
            assert len(proxy.calls(each.operator)) == len(each.calls), proxy.calls(each.operator)


def effects(truth: Json, killed: Killed) -> dict[str, int]:
    """How often each effect of an operation happened: each has a phone and an operator of its own."""

    def is_its(row: Json) -> bool:
        return row["msisdn"] == killed.phone or f"/callbacks/{killed.operator}/" in row.get("callback", "")

    found = {kind: sum(map(is_its, truth[f"{kind}s"])) for kind in ("debit", "refund", "payout")}
    return {kind: count for kind, count in found.items() if count}
