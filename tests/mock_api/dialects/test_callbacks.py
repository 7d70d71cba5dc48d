"""Callbacks: sent once when the outcome is final, or as a fault says."""

import pytest

from mock_api.callbacks import Message
from tests.mock_api.dialects.drivers import CALLBACK, DRIVERS, Driver
from tests.sandbox import Json, Sandbox

each = pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)
SPOKEN = {"mtn", "gsma", "orange_cm"}
MTN, GSMA, ORANGE = (next(d for d in DRIVERS if d.name == name) for name in ("mtn", "gsma", "orange_cm"))


def fault(answer: str, **more: object) -> Json:
    return {"call": "callback", "answer": answer, **more}


@each
def test_what_can_happen_to_a_callback(sandbox: Sandbox, driver: Driver) -> None:
    driver.pay(sandbox, "op-0", "11")
    sandbox.now += 2
    (usual,) = sandbox.callbacks()
    counts = {"twice": 2, "never": 0, "wrong-amount": 1, "wrong-id": 1, "unknown-operation": 1, "huge": 1}
    for number, (answer, count) in enumerate(counts.items(), start=1):
        sandbox.script(fault(answer, dialect=driver.name, match=CALLBACK))
        driver.pay(sandbox, f"op-{number}", "11")
        sandbox.now += 2
        sandbox.app.extensions["sender"].run_once()
        urls = [message.url for message in sandbox.posted]
        assert all((url != CALLBACK) == (answer == "unknown-operation") for url in urls)
        sizes = [len(message.body) > 1_000_000 for message in sandbox.posted]
        bodies = sandbox.callbacks()
        assert len(bodies) == count, answer
        assert sizes == [answer == "huge"] * count
        assert all(body.keys() - {"padding"} == usual.keys() for body in bodies)
    assert len(sandbox.really()) == 7


@each
def test_a_callback_can_come_before_the_answer(sandbox: Sandbox, driver: Driver) -> None:
    told_before: list[int] = []
    sandbox.script(fault("early"))
    answer = driver.pay(sandbox, "op-1", "11")
    told_before.append(len(sandbox.posted))
    assert driver.accepted(answer)
    assert told_before == [1], "sent while the answer was made"
    assert len(sandbox.really()) == 1
    sandbox.now += 60
    assert len(sandbox.callbacks()) == 1


@each
def test_a_forged_callback_claims_success_while_the_payer_thinks(sandbox: Sandbox, driver: Driver) -> None:
    driver.pay(sandbox, "op-1", "11")
    sandbox.now += 2
    (success,) = sandbox.callbacks()
    sandbox.script(fault("forged"))
    answer = driver.pay(sandbox, "op-2", "02")
    (forged,) = sandbox.callbacks()
    assert forged.keys() == success.keys()
    assert driver.state(sandbox, "op-2", answer) == "PENDING"
    sandbox.now += 2
    (true,) = sandbox.callbacks()
    assert driver.state(sandbox, "op-2", answer) == "FAILED"
    assert true != forged
    assert len(sandbox.really()) == 1


def test_a_forged_callback_after_the_failure(sandbox: Sandbox) -> None:
    sandbox.script(fault("forged", late_s=10))
    MTN.pay(sandbox, "op-1", "02")
    sandbox.now += 10
    assert [body["status"] for body in sandbox.callbacks()] == ["FAILED", "SUCCESSFUL"]


def test_a_late_callback(sandbox: Sandbox) -> None:
    sandbox.script(fault("late", late_s=30))
    MTN.pay(sandbox, "op-1", "11")
    sandbox.now += 2
    assert sandbox.callbacks() == []
    sandbox.now += 29
    sandbox.start()
    assert sandbox.callbacks() == []
    sandbox.now += 1
    assert len(sandbox.callbacks()) == 1


def test_wrong_amounts_and_ids(sandbox: Sandbox) -> None:
    sandbox.script(fault("wrong-amount"), fault("wrong-id"))
    GSMA.pay(sandbox, "op-1", "11")
    GSMA.pay(sandbox, "op-2", "11")
    sandbox.now += 2
    amount, identity = sandbox.callbacks()
    assert (amount["amount"], amount["requestingOrganisationTransactionReference"]) == ("15001", "op-1")
    assert (identity["amount"], identity["requestingOrganisationTransactionReference"]) == ("15000", "op-0")
    assert [debit["amount"] for debit in sandbox.truth()["debits"]] == ["15000", "15000"]


def test_chance_can_spoil_callbacks_and_repeats_itself(sandbox: Sandbox) -> None:
    def kinds() -> list[str]:
        sandbox.post("/_reset", None)
        for number in range(60):
            MTN.pay(sandbox, f"op-{number}", "11")
        sandbox.now += 3600
        sandbox.callbacks()
        sandbox.callbacks()
        listed = sandbox.get("/_callbacks").json["callbacks"]
        return sorted(str((each["request_id"], each["kind"], each["state"], each.get("fault"))) for each in listed)

    sandbox.start(callback_fault_rate=0.0)
    calm = kinds()
    assert all("None" in kind for kind in calm)
    sandbox.start(callback_fault_rate=0.9)
    spoilt = kinds()
    assert spoilt == kinds()
    for name in ("twice", "never", "late", "forged", "wrong-id"):
        assert any(name in kind for kind in spoilt), name


def test_a_receiver_that_cannot_be_reached_is_tried_once(sandbox: Sandbox) -> None:
    def refuse(message: Message) -> int:
        sandbox.posted.append(message)
        raise ConnectionRefusedError

    sandbox.post_callback = refuse
    sandbox.start()
    MTN.pay(sandbox, "op-1", "11")
    sandbox.now += 2
    assert len(sandbox.callbacks()) == 1
    sandbox.now += 3600
    assert sandbox.callbacks() == []
    (listed,) = sandbox.get("/_callbacks").json["callbacks"]
    assert (listed["state"], listed["answers"]) == ("failed", ["ConnectionRefusedError"])


def test_what_waits_and_what_was_sent_is_shown(sandbox: Sandbox) -> None:
    sandbox.script(fault("forged", late_s=5))
    ORANGE.pay(sandbox, "op-1", "11")
    sandbox.now += 2
    sandbox.callbacks()
    newest, oldest = sandbox.get("/_callbacks").json["callbacks"]
    assert (oldest["kind"], oldest["state"]) == ("forged", "waiting")
    assert (newest["kind"], newest["state"], newest["url"]) == ("final", "sent", CALLBACK)
    assert sandbox.post("/_reset", None).status_code == 200
    sandbox.now += 10
    assert sandbox.callbacks() == []


@pytest.mark.parametrize("url", ["ftp://x", 7, None])
def test_a_bad_registration_is_refused(sandbox: Sandbox, url: object) -> None:
    assert sandbox.call("PUT", "/_callbacks/wave", json={"url": url}).status_code == 422
    assert sandbox.call("PUT", "/_callbacks/mtn", json={"url": "http://x"}).status_code == 404
