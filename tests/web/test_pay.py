"""Paying fines in a browser, without JavaScript: what a payer sees, and what nobody gets."""

import re
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from core.operation import Status
from core.rates import DEFAULT_RATES
from core.steps import StepRecord, StepState
from products.fines.contract import FINE_PAYMENT
from products.fines.lookup import FINE_LOOKUP, LOOKUP_STEP
from tests.api.fines.test_being_paid import reserve
from tests.api.kit import PHONE, House
from tests.web.kit import with_pages
from tests.web.test_desk import HOSTILE, token_of

FINES = [
    {"id": "AM-1", "amount": 15000, "currency": "XOF", "status": "due", "reason": HOSTILE, "issued": "2026-04-12"},
    {"id": "AM-2", "amount": 10000, "currency": "XOF", "status": "due"},
    {"id": "AM-3", "amount": 5000, "currency": "XOF", "status": "paid"},
]


def look_up(house: House, browser: FlaskClient, way: str = "plate", typed: str = "AB 123 CD") -> str:
    """The path of what was found, once a worker has asked the registry."""
    form = {"csrf_token": token_of(browser.get("/pay").text), "way": way, "typed": typed}
    found = browser.post("/pay", data=form).headers["Location"]
    answer(house)
    return found


def answer(house: House) -> None:
    """The registry answers the last question."""
    (document,) = house.store.find("operations", {"kind": FINE_LOOKUP.kind}, order="-id", limit=1)
    operation = house.operation(document["id"])
    record = StepRecord(operation.reference(LOOKUP_STEP), StepState.DONE, attempts=1, result={"fines": FINES})
    house.save(replace(operation.with_step(LOOKUP_STEP, record), status=Status.SUCCEEDED))


def choose(browser: FlaskClient, found: str, *fines: str, phone: str = PHONE) -> str:
    """Where the choice leads."""
    form = {"csrf_token": token_of(browser.get(found).text), "fine": list(fines), "phone": phone}
    answer = browser.post(found, data=form)
    return answer.headers.get("Location", answer.text)


def confirm(browser: FlaskClient, check: str) -> str:
    return browser.post(check, data={"csrf_token": token_of(browser.get(check).text)}).headers["Location"]


@pytest.fixture
def payer() -> tuple[House, FlaskClient]:
    return with_pages()


def payments(house: House) -> list[dict[str, object]]:
    return list(house.store.find("operations", {"kind": FINE_PAYMENT.kind}))


def test_two_fines_are_paid_with_nothing_but_the_plate(payer: tuple[House, FlaskClient]) -> None:
    house, browser = payer
    found = look_up(house, browser)
    page = browser.get(found).text
    assert "AM-1" in page
    assert "15 000 XOF" in page
    assert HOSTILE not in page
    assert 'value="AM-3"' not in page  # it is paid

    check = choose(browser, found, "AM-1", "AM-2")
    assert "25 000 XOF" in browser.get(check).text
    first, again = confirm(browser, check), confirm(browser, check)

    (payment,) = payments(house)
    assert payment["request"] == {
        "msisdn": PHONE,
        "currency": "XOF",
        "amount": 25000,
        "amendes": [{"id": "AM-1", "amount": 15000}, {"id": "AM-2", "amount": 10000}],
    }
    assert payment["notification"] is not None
    assert browser.get(first).status_code == browser.get(again).status_code == 200
    assert not any(PHONE.removeprefix("+") in path for path in (found, check, first))


def test_amounts_are_the_registrys_and_not_the_forms(payer: tuple[House, FlaskClient]) -> None:
    house, browser = payer
    check = choose(browser, look_up(house, browser), "AM-2", "AM-3", "AM-9")
    confirm(browser, check)
    (payment,) = payments(house)
    assert payment["request"]["amount"] == 10000  # type: ignore[index]


@pytest.mark.parametrize(("fines", "phone"), [((), PHONE), (("AM-3",), PHONE), (("AM-1",), "12"), (("AM-1",), "")])
def test_what_cannot_be_paid_is_said_and_kept(
    payer: tuple[House, FlaskClient], fines: tuple[str, ...], phone: str
) -> None:
    house, browser = payer
    found = look_up(house, browser)
    shown = choose(browser, found, *fines, phone=phone)
    assert 'role="alert"' in shown
    assert f'value="{phone}"' in shown
    assert browser.get(f"{found}/check").headers["Location"] == found
    assert payments(house) == []


def test_a_fine_that_somebody_else_is_paying_is_not_paid_twice(payer: tuple[House, FlaskClient]) -> None:
    house, browser = payer
    confirm(browser, choose(browser, look_up(house, browser), "AM-1"))
    reserve(house, str(payments(house)[0]["id"]), "AM-1")
    other = browser.application.test_client()
    check = choose(other, look_up(house, other), "AM-1", phone="+2250707000002")

    refused = other.post(check, data={"csrf_token": token_of(other.get(check).text)})

    assert refused.status_code == 422
    assert "The fine AM-1 is being paid." in refused.text
    assert len(payments(house)) == 1


def test_a_link_is_good_for_what_it_was_made_for_and_for_a_time(
    payer: tuple[House, FlaskClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    house, browser = payer
    found = look_up(house, browser)
    followed = confirm(browser, choose(browser, found, "AM-1"))
    link = found.rpartition("/")[2]
    assert browser.get(f"/payments/{link}").status_code == 404
    assert browser.get(f"/pay/{followed.rpartition('/')[2]}").status_code == 404
    assert browser.get(f"/pay/{payments(house)[0]['id']}").status_code == 404
    assert browser.get(f"{found}x").status_code == 404
    assert browser.get(found).status_code == 200
    monkeypatch.setattr("products.fines.pages.FOUND_FOR_S", -1)
    assert browser.get(found).status_code == 404


@pytest.mark.parametrize("path", ["/pay", "/pay/x", "/pay/x/check"])
def test_a_form_of_another_site_pays_nothing(payer: tuple[House, FlaskClient], path: str) -> None:
    _, browser = payer
    assert browser.post(path, data={"way": "plate", "typed": "AB"}).status_code == 400


@pytest.mark.parametrize(("way", "typed"), [("phone", "12"), ("plate", "-"), ("number", "?"), ("", "")])
def test_what_is_none_is_said(payer: tuple[House, FlaskClient], way: str, typed: str) -> None:
    house, browser = payer
    form = {"csrf_token": token_of(browser.get("/pay").text), "way": way, "typed": typed}
    answer = browser.post("/pay", data=form)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert house.store.find("operations", {"kind": FINE_LOOKUP.kind}) == []


def test_a_ticket_names_its_fine(payer: tuple[House, FlaskClient]) -> None:
    _, browser = payer
    assert 'value="AM-2026-000123"' in browser.get("/pay?fine=AM-2026-000123").text


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (Status.SUCCEEDED, None, "Paid"),
        (Status.FAILED, "insufficient_funds", "not enough money"),
        (Status.IN_DOUBT, None, "will not pay twice"),
        (Status.NEEDS_REVIEW, None, "Somebody is looking"),
    ],
)
def test_the_outcome_is_said_in_plain_words(
    payer: tuple[House, FlaskClient], status: Status, code: str | None, said: str
) -> None:
    house, browser = payer
    browser.get("/?lang=en")
    followed = confirm(browser, choose(browser, look_up(house, browser), "AM-1"))
    assert "checking the fines" in browser.get(followed).text
    operation = house.operation(str(payments(house)[0]["id"]))
    house.save(replace(operation, status=status, error={"code": code, "step": "debit"} if code else None))

    page = browser.get(followed).text

    assert said in page
    assert ("Try again" in page) == (status is Status.FAILED)
    assert ("refresh" in page) == (not operation.terminal and status in (Status.IN_DOUBT, Status.NEEDS_REVIEW))
    assert "<html" not in browser.get(followed, headers={"HX-Request": "true"}).text


def test_look_ups_are_limited() -> None:
    _, browser = with_pages(rate_limits=DEFAULT_RATES)
    token = token_of(browser.get("/pay").text)
    form = {"csrf_token": token, "way": "plate", "typed": "AB"}
    statuses = [browser.post("/pay", data={**form, "typed": f"AB{number}"}).status_code for number in range(31)]
    assert statuses == [303] * 30 + [429]


def test_a_choice_is_kept_for_three_look_ups(payer: tuple[House, FlaskClient]) -> None:
    house, browser = payer
    checks = []
    for number in range(4):
        house.tick(60)
        checks.append(choose(browser, look_up(house, browser, typed=f"AB {number}"), "AM-1"))
    assert [browser.get(check).status_code for check in checks] == [303, 200, 200, 200]
    assert re.match(r"/pay/[^/]+/check", checks[0])
