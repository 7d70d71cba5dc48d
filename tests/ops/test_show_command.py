"""People find operations by whatever they have of them, and see at once what each waits for."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from core.accept import Command
from core.bootstrap import Core, open_core
from core.operation import Operation, Status
from core.operation_names import PARTNER, add_later, named
from core.partner_health import PartnerHealth
from core.settings import read_settings
from core.steps import Call, StepRecord, StepState
from core.store.port import LEASES, OPERATION_NAMES, OPERATIONS, scan
from ops.commands import cli
from products.fines.contract import Fine, FinePayment, names_of
from products.webhooks.contract import WEBHOOK, Delivery
from products.webhooks.endpoints import Endpoints
from products.webhooks.off import Why

PHONE = "+2250707000001"


@pytest.fixture
def core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Core]:
    monkeypatch.setenv("STORE_URL", f"sqlite:///{tmp_path / 'store.sqlite'}")
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "80")
    core = open_core(read_settings())
    yield core
    core.close()


def pay(core: Core, fine: str = "AM-1", client: str = "shop") -> Operation:
    """A payment that waits for the operator's answer to its debit."""
    payment = FinePayment(PHONE, "XOF", 15000, (Fine(fine, 15000),))
    command = Command("fine_payment", payment.to_json(), client, subject=PHONE, names=names_of(payment))
    paid = core.accept(command).operation
    now = core.clock.now()
    for name in ("claim", f"check:{fine}"):
        paid = paid.with_step(name, StepRecord(paid.reference(name), StepState.DONE, attempts=1, submitted_at=now))
    next_at = now.replace(microsecond=0) + timedelta(hours=1)
    debit = StepRecord(paid.reference("debit"), StepState.SUBMITTED, 1, 4, submitted_at=now, next_at=next_at)
    for _ in range(3):
        debit = debit.with_call(Call(now, 740, "enquire", "unknown", {"http": 504, "body": "[red]time-out"}))
    paid = replace(paid.moved(Status.PROCESSING, now).with_step("debit", debit), due_at=next_at)
    return save(core, paid)


def save(core: Core, operation: Operation) -> Operation:
    version = core.store.replace(OPERATIONS, operation.to_document())["version"]
    return replace(operation, version=version)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def printed(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json").stdout)


def test_the_first_line_says_what_it_waits_for(core: Core) -> None:
    paid = pay(core)
    next_at = paid.step("debit").next_at

    shown = run("show", "AM-1").output.splitlines()

    assert next_at is not None
    said = f"Waits for operator's answer to the debit of 15000 XOF; asked 4 times; next at {next_at:%H:%M:%S}."
    assert " ".join(shown[:2]).replace("  ", " ").startswith(said)
    text = " ".join(" ".join(shown).split())
    assert max(map(len, shown)) <= 80
    assert "the request is stored" in text
    assert "(and 2 more until" in text
    assert "[red]time-out" in text
    assert PHONE not in text
    assert "not known" in text  # what became of the money


@pytest.mark.parametrize("by", ["id", "short", "phone", "fine", "partner"])
def test_it_is_shown_by_each_of_its_names(core: Core, by: str) -> None:
    paid = pay(core)
    add_later(core.store, paid.id, {"debit:transaction_id": named(PARTNER, "TXN-9")})
    typed = {"id": paid.id, "short": paid.id[-8:], "phone": "07 07 00 00 01", "fine": "am-1", "partner": "TXN-9"}[by]

    [shown] = printed("show", typed)

    assert shown["id"] == paid.id
    assert shown["request"]["msisdn"].startswith("+225***")


def test_what_is_not_known_is_an_error(core: Core) -> None:
    done = run("show", "AM-404")
    assert done.exit_code == 1
    assert "nothing is known by 'AM-404'" in done.output


def test_the_webhooks_about_it_are_shown(core: Core) -> None:
    paid = pay(core)
    told = Delivery("endpoint-1", None, "m", "payment.processing", paid.id, 1, "processing", "", "{}")
    core.accept(Command(WEBHOOK.kind, told.to_json(), "shop", subject="endpoint-1", counterparty=paid.id))

    [shown] = printed("show", paid.id)

    [notification] = shown["notifications"]
    assert (notification["what"], notification["to"]) == ("payment.processing", "endpoint-1")


def test_what_was_given_back_is_shown(core: Core) -> None:
    paid = pay(core)
    save(core, replace(paid, given_back={"refund-1": {"minor": 500, "items": [], "state": "given"}}))

    [shown] = printed("show", paid.id)

    assert {"what": "refund refund-1", "amount": "500", "currency": "XOF", "state": "given"} in shown["money"]


def test_a_list_has_the_filters(core: Core) -> None:
    first, second = pay(core), pay(core, "AM-2", client="other")
    save(core, first.moved(Status.NEEDS_REVIEW, core.clock.now()))

    def found(*arguments: str) -> list[str]:
        return [row["id"] for row in printed("list", *arguments)]

    assert found() == found("--msisdn", "0707000001") == found("--kind", "fine_payment") == [second.id, first.id]
    assert found("--status", "needs_review") == found("--fine", "AM-1") == found("--client", "shop") == [first.id]
    assert found("--ref", second.id[-8:]) == found("--limit", "1") == [second.id]
    assert found("--from", "2999-01-01") == found("--to", "2020-01-01") == found("--partner", "mtn-ci") == []
    assert found("--fine", "AM-1", "--status", "processing") == []
    line = run("list").output.splitlines()[1]
    assert line.split()[:3] == [second.id[-8:], "fine_payment", "processing"]  # whole, however narrow the terminal
    assert run("list", "--fine", "A", "--ref", "B").exit_code == 2
    assert run("list", "--kind", "lottery").exit_code == 2


def test_the_status_says_what_is_to_be_done(core: Core) -> None:
    PartnerHealth(core.store, core.clock).report("operator", core.clock.now() + timedelta(hours=1))
    paid = pay(core)
    save(core, paid.moved(Status.NEEDS_REVIEW, core.clock.now()))

    done = run("status")

    assert done.exit_code == 1
    assert "operator is down" in done.output
    assert "1 wait for a person" in done.output
    assert "no worker" in done.output
    [row] = printed("status")["unfinished"]
    assert (row["kind"], row["status"], row["number"]) == ("fine_payment", "needs_review", 1)


def test_the_status_names_endpoints_that_were_switched_off_and_not_those_of_their_clients_choice(core: Core) -> None:
    endpoints = Endpoints(core.store, core.clock)
    failing, left = (endpoints.create("shop", "https://shop.example/hook", ["*"]).id for _ in range(2))
    endpoints.switch_off(failing, Why.FAILING.value)
    endpoints.switch_off(left, "its client has switched it off")

    assert [each["id"] for each in printed("status")["webhooks_off"]] == [failing]
    done = run("status")
    assert done.exit_code == 1
    assert failing in done.output
    assert "no delivery has succeeded for five days" in done.output


def test_the_status_of_a_system_at_rest_is_good(core: Core) -> None:
    core.store.insert(LEASES, {"id": "share", "workers": {"w": "2999-01-01T00:00:00Z"}})

    done = run("status")

    assert done.exit_code == 0, done.output
    assert "everything has ended" in done.output


def test_what_earlier_releases_accepted_gets_its_names_once(core: Core) -> None:
    paid = pay(core)
    debit = replace(paid.step("debit"), result={"transaction_id": "TXN-9", "redirect": "https://pay.example/"})
    save(core, paid.with_step("debit", debit))
    for document in scan(core.store, OPERATION_NAMES, {}):
        core.store.delete(OPERATION_NAMES, document["id"], document["version"])
    assert run("show", "AM-1").exit_code == run("show", "TXN-9").exit_code == 1

    for _ in range(2):
        assert printed("data", "names") == {"indexed": 1}

    assert printed("show", "AM-1")[0]["id"] == printed("show", "TXN-9")[0]["id"] == paid.id
    assert len(list(scan(core.store, OPERATION_NAMES, {}))) == 2
