"""Whole stacks on a store that is sealed: payments end, the audit finds nothing, and nobody reads who paid what."""

import base64
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from core.bootstrap import open_store_at
from core.installed import DEFAULT
from devtools.databases import own_database
from devtools.rabbit import Rabbit
from devtools.stack import NotReady, Stack
from devtools.stores import StoreServer
from tests.doubles import KEYS
from tests.e2e.kit import FAST, Payments, Person, ops
from tests.privacy import PHONE, asked_for, raw_text

SEALED = {
    **FAST,
    "USSD_KEY": "k" * 32,
    "DATA_KEYS": base64.b64encode(KEYS.data[0]).decode(),
    "DATA_INDEX_KEY": base64.b64encode(KEYS.index).decode(),
}
NEW = base64.b64encode(b"n" * 32).decode()
PAYER, TYPED = "+2250707000042", "+2250505111110"
WORDS = ("Aïcha Koné", "consultation of the heart", "sealed-one", "sealed-two")
"""Of what a machine sends, and of people."""
GATEWAY = {"X-Gateway-Key": "k" * 32}
MACHINE = {"Authorization": f"Bearer {FAST['ADMIN_TOKEN']}"}


@pytest.fixture
def environment(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """The servers of a stack: none, or a store and RabbitMQ."""
    if request.param == "embedded":
        yield {}
        return
    server: StoreServer = request.getfixturevalue(request.param)
    rabbit: Rabbit = request.getfixturevalue("rabbit")
    with own_database(server.url) as store_url:
        yield {"STORE_URL": store_url, "BROKER_URL": rabbit.url}


EVERY = pytest.mark.parametrize(
    "environment",
    [
        pytest.param("embedded", marks=pytest.mark.xdist_group("embedded")),
        pytest.param("mongodb", marks=pytest.mark.xdist_group("rabbitmq")),
    ],
    indirect=True,
)


def live(payments: Payments) -> None:
    """Somebody pays fines, a machine sends an event, and people pay each other and dial."""
    assert payments.pay(PAYER)["status"] == "succeeded"
    sent = payments.post("/api/event/clinic/visit/create", {"patient": WORDS[0], "what": WORDS[1]}, MACHINE)
    shown = payments.get(sent.headers["Location"].removeprefix(payments.stack.api), {**MACHINE, "Prefer": "wait=30"})
    assert shown.json()["published"] is True
    sender, taker = (Person(payments, f"sealed-{name}", phone) for name, phone in (("one", TYPED), ("two", PAYER)))
    sender.top_up(500)
    moved = sender.ask("/v1/wallets/transfers", {"to": taker.username, "amount": 200})
    assert sender.end(moved)["status"] == "succeeded"
    dialled = payments.post("/ussd/", {"sessionid": "s", "msisdn": TYPED, "message": ""}, GATEWAY)
    assert dialled.status_code == 200, dialled.text


@EVERY
def test_a_sealed_set_up_pays_and_shows_nothing(environment: dict[str, str], tmp_path: Path) -> None:
    with Stack(tmp_path, {**SEALED, **environment}) as stack:
        stack.migrate()
        stack.start()
        payments = Payments(stack)
        live(payments)
        assert payments.audit()["accepted"] >= 4
        require_nothing_private(stack)

        both = {**stack.environment, "DATA_KEYS": f"{NEW},{stack.environment['DATA_KEYS']}"}
        rotated = ops("ops", "data", "rotate", "--json", environment=both)
        # The worker and the API still seal with the former key, so something may be left.
        assert json.loads(rotated.stdout)["rotated"] > 10, rotated.stdout + rotated.stderr
        stack.stop(["worker", "api"])
        stack.environment["DATA_KEYS"] = both["DATA_KEYS"]
        stack.start(["api", "worker"])
        assert payments.pay(PAYER)["status"] == "succeeded"
        assert ops("ops", "data", "rotate", environment=both).returncode == 0

        stack.stop(["worker", "api"])
        stack.environment["DATA_KEYS"] = NEW
        stack.start(["api", "worker"])
        assert payments.pay(PAYER)["status"] == "succeeded"
        payments.audit()
        require_nothing_private(stack)


def require_nothing_private(stack: Stack) -> None:
    """Looks into the database, and into every file that our processes have written."""
    url = stack.environment.get("STORE_URL") or f"sqlite:///{stack.var_dir / 'quittance.sqlite'}"
    with closing(open_store_at(url)) as raw, closing(stack.open_store()) as store:
        text, private = raw_text(raw, DEFAULT.collections), asked_for(store)
    assert PAYER in private
    assert not PHONE.search(text)
    assert [found for found in private if found in text] == []
    ours = [path for path in stack.var_dir.iterdir() if path.is_file() and not path.name.startswith("mock_api")]
    assert len(ours) >= 2
    for path in ours:
        written = path.read_bytes().decode("utf-8", "replace")
        assert not any(word in written for word in (PAYER, TYPED, *WORDS)), path
        assert not any(json.dumps(word)[1:-1] in written for word in WORDS), path


@pytest.mark.xdist_group("embedded")
def test_no_process_starts_with_other_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devtools.stack.READY_S", 8)  # the API goes on trying, and says the same each time
    with Stack(tmp_path, SEALED) as stack:
        stack.start(["api"])
        stack.stop()
        for name in ("DATA_KEYS", "DATA_INDEX_KEY"):
            stack.environment[name] = ""

        with pytest.raises(NotReady, match="Set DATA_KEYS and DATA_INDEX_KEY as they were"):
            stack.start(["api"])
        stack.start(["worker"])
        assert stack.processes["worker"].wait(30) == 1
        assert "Set DATA_KEYS and DATA_INDEX_KEY as they were" in stack.log("worker")
