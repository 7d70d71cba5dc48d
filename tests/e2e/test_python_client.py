"""The Python client against the running system: what its README shows, and each product once."""

import json
import re
from decimal import Decimal

import pytest

from devtools.stack import ROOT
from quittance_client import Client, Problem
from tests.e2e.kit import Payments, ops

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("embedded")]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "clients/python/README.md").read_text(), re.DOTALL)
SCOPES = ("fines:pay", "fines:read", "payouts:create", "refunds:create", "consultations", "operations:read")
EVENTS = ("events:publish", "events:read")


@pytest.fixture(scope="module")
def credentials(embedded: Payments) -> tuple[str, str]:
    """The id and the text of a key that may do all that the client does."""
    scopes = [word for scope in (*SCOPES, *EVENTS) for word in ("--scope", scope)]
    command = ("ops", "keys", "create", "client", *scopes, "--topic", "clinic.*.*", "--json")
    done = ops(*command, environment=embedded.stack.environment)
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    return made["id"], made["key"]


def test_the_readme_of_the_client_pays_a_fine(
    embedded: Payments,
    credentials: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in zip(("CLIENT_ID", "CLIENT_SECRET"), credentials, strict=True):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("QUITTANCE_URL", embedded.stack.api)
    names = {"__name__": __name__}
    number = next(number for number in embedded.numbers if number % 3 == 0)  # it costs what the README says
    for block in BLOCKS:
        exec(block.replace("000123", f"{number:06d}"), names)  # noqa: S102 (our own page)
    assert re.match(r"succeeded \d+ XOF\n[0-9a-f-]{36} \+225\*+001\n", capsys.readouterr().out)


def test_the_client_speaks_to_every_product(embedded: Payments, credentials: tuple[str, str]) -> None:
    client = Client(embedded.stack.api, credentials=credentials)
    asked = embedded.body("+2250707000001")
    [fine] = asked["amendes"]

    payment = client.fines.pay(asked["msisdn"], "XOF", {fine["id"]: fine["amount"]}, key="order-8", wait_s=20)
    again = client.fines.pay(asked["msisdn"], "XOF", {fine["id"]: fine["amount"]}, key="order-8")
    refund = client.refunds.create(payment["id"], "the vehicle was sold")
    payout = client.payouts.create("+2250707000001", Decimal(500), "XOF", text="Refund of ticket 17")
    started = client.consultations.start("physician-1", "patient-1")
    ended = client.consultations.end(started["id"])
    event = client.events.publish(("clinic", "bill", "created"), {"n": 1}, wait_s=20)

    assert (again["id"], payment["amount"]) == (payment["id"], fine["amount"])
    assert client.payouts.follow(payout["id"], within_s=60)["status"] == "succeeded"
    assert client.refunds.follow(refund["id"], within_s=60)["amount"] == fine["amount"]
    assert client.consultations.charge(ended["id"], wait_s=20)["currency"] == "BRL"
    assert client.events.get(event["event_uid"])["event_data"] == {"n": 1}
    assert [each["event_uid"] for each in client.events.list(("clinic", "bill", "created"))] == [event["event_uid"]]
    assert payment["id"] in [each["id"] for each in client.operations.find(fine=fine["id"])]
    with pytest.raises(Problem, match="payout_not_found"):
        client.payouts.get(payment["id"])
    client.close()
