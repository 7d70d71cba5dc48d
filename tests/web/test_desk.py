"""The desk: who gets in, for how long, what they see, and what they may do."""

import re

import pytest
from flask.testing import FlaskClient

from core.identity.people import Role
from core.operation import Status
from core.steps import Call, StepState
from products.decisions.contract import DECISIONS
from products.webhooks.endpoints import Endpoints
from products.webhooks.off import Why
from tests.api.kit import PASSWORD, PHONE, House
from tests.api.test_decisions import stuck, work
from tests.web.kit import with_pages
from web.desk.entry import IDLE_S

HOSTILE = "<script>alert(1)</script>"


def token_of(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    return found[1]


def sign_in(browser: FlaskClient, username: str, password: str = PASSWORD, **more: str) -> int:
    form = {"csrf_token": token_of(browser.get("/desk/sign-in").text), "username": username, "password": password}
    return browser.post("/desk/sign-in", data={**form, "otp": "", **more}).status_code


@pytest.fixture
def desk() -> tuple[House, FlaskClient]:
    """A house with an operator, who has signed in."""
    house, browser = with_pages()
    house.person("ann", Role.OPERATOR)
    assert sign_in(browser, "ann") == 303
    return house, browser


def test_nobody_gets_in_without_a_role() -> None:
    house, browser = with_pages()
    house.person("awa")
    asked = browser.get("/desk/operations?kind=fine_payment")
    assert (asked.status_code, asked.headers["Location"]) == (
        303,
        "/desk/sign-in?next=/desk/operations?kind%3Dfine_payment",
    )
    assert sign_in(browser, "awa", "wrong wrong") == 401
    assert sign_in(browser, "awa") == 303
    assert browser.get("/desk").status_code == 403


def test_wrong_passwords_count_as_they_do_for_the_api() -> None:
    house, browser = with_pages()
    house.person("ann", Role.OPERATOR)
    assert [sign_in(browser, "ann", "wrong wrong") for _ in range(6)] == [401] * 5 + [429]


def test_a_form_without_its_token_does_nothing(desk: tuple[House, FlaskClient]) -> None:
    house, browser = desk
    about = stuck(house)
    refused = browser.post(f"/desk/operations/{about}/decision", data={"decision": "confirm", "reason": "seen"})
    assert refused.status_code == 400
    assert house.store.find("operations", {"kind": DECISIONS.kind}) == []


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "/desk\\..\\evil", "/pay", "/desk\nx"])
def test_nobody_is_sent_elsewhere(wanted: str) -> None:
    house, browser = with_pages()
    house.person("ann", Role.OPERATOR)
    form = {"csrf_token": token_of(browser.get("/desk/sign-in").text), "username": "ann", "password": PASSWORD}
    answer = browser.post("/desk/sign-in", data={**form, "next": wanted})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/desk")


def test_a_session_ends_for_who_has_left(desk: tuple[House, FlaskClient]) -> None:
    house, browser = desk
    house.tick(IDLE_S - 1)
    assert browser.get("/desk", headers={"HX-Request": "true"}).status_code == 200  # the page itself, not somebody
    house.tick(2)
    assert browser.get("/desk").status_code == 303


def test_a_session_ends_with_its_token(desk: tuple[House, FlaskClient]) -> None:
    house, browser = desk
    for _ in range(4):
        house.tick(14 * 60)
        assert browser.get("/desk").status_code == 200
    house.tick(14 * 60)
    assert browser.get("/desk").status_code == 303


def test_who_signs_out_or_is_suspended_is_out(desk: tuple[House, FlaskClient]) -> None:
    house, browser = desk
    token = token_of(browser.get("/desk").text)
    copied = browser.get_cookie("quittance")
    assert browser.post("/desk/sign-out", data={"csrf_token": token}).status_code == 303
    assert browser.get("/desk").status_code == 303
    assert copied is not None
    browser.set_cookie("quittance", copied.value)  # somebody had a copy
    assert browser.get("/desk").status_code == 303

    ann = house.core.people.named("ann")
    assert ann is not None
    assert sign_in(browser, "ann") == 303
    house.core.people.suspend(ann.id, True)
    assert browser.get("/desk").status_code == 303


def test_the_cookie_is_for_this_site_and_for_no_script(desk: tuple[House, FlaskClient]) -> None:
    house, _ = desk
    _, browser = with_pages(store_url="mongodb://x")
    cookie = browser.get("/desk/sign-in").headers["Set-Cookie"]
    assert cookie.startswith("__Host-quittance=")
    for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert part in cookie
    assert house.settings.local


def test_an_operation_is_found_and_says_what_it_waits_for(desk: tuple[House, FlaskClient]) -> None:
    house, browser = desk
    id = stuck(house)
    operation = house.operation(id)
    call = Call(house.clock.now(), 740, "enquire", "unknown", {"http": 504, "body": f"{HOSTILE} {PHONE}"})
    house.save(operation.with_step("debit", operation.step("debit").with_call(call)))

    found = browser.get(f"/desk/operations?q={id[-8:]}")
    page = browser.get(f"/desk/operations/{id}").text

    assert f"/desk/operations/{id}" in found.text
    assert "debit" in re.search(r'<p class="waits">(.*?)</p>', page, re.DOTALL)[1]  # type: ignore[index]
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page
    assert PHONE not in page
    assert browser.get("/desk/operations/nothing").status_code == 404


def test_lists_go_on_where_they_ended(desk: tuple[House, FlaskClient]) -> None:
    house, browser = desk
    made = [
        house.pay({"msisdn": PHONE, "currency": "XOF", "amount": n, "amendes": [{"id": f"A-{n}", "amount": n}]})
        for n in range(1, 61)
    ]
    first = browser.get("/desk/operations?kind=fine_payment").text
    link = re.search(r'href="([^"]+)" rel="next"', first)
    assert link
    second = browser.get(link[1].replace("&amp;", "&")).text
    seen = [re.findall(r"/desk/operations/([0-9a-f-]{36})", page) for page in (first, second)]
    assert [*seen[0], *seen[1]] == made[::-1]


def test_a_stuck_payment_is_decided_with_a_reason(desk: tuple[House, FlaskClient]) -> None:
    house, browser = desk
    id = stuck(house)
    assert f"/desk/operations/{id}" in browser.get("/desk/review").text
    token = token_of(browser.get(f"/desk/operations/{id}").text)
    without = browser.post(f"/desk/operations/{id}/decision", data={"csrf_token": token, "decision": "confirm"})
    assert house.store.find("operations", {"kind": DECISIONS.kind}) == []
    form = {"csrf_token": token, "decision": "confirm", "reason": "on the statement"}
    done = browser.post(f"/desk/operations/{id}/decision", data=form)
    again = browser.post(f"/desk/operations/{id}/decision", data=form)  # a double click

    assert {without.status_code, done.status_code, again.status_code} == {303}
    (decision,) = house.store.find("operations", {"kind": DECISIONS.kind})
    assert work(house, decision["id"]).status is Status.SUCCEEDED
    assert house.operation(id).step("debit").state is StepState.DONE
    ann = house.core.people.named("ann")
    assert ann is not None
    assert any(f"{ann.id} decided: on the statement" in entry.text for entry in house.operation(id).history)


def test_a_large_amount_takes_a_second_person(desk: tuple[House, FlaskClient]) -> None:
    house, browser = desk
    id = stuck(house, 20_000)
    token = token_of(browser.get(f"/desk/operations/{id}").text)
    browser.post(f"/desk/operations/{id}/decision", data={"csrf_token": token, "decision": "confirm", "reason": "seen"})
    (decision,) = house.store.find("operations", {"kind": DECISIONS.kind})
    assert decision["status"] == "open"
    path = f"/desk/decisions/{decision['id']}/approve"

    browser.post(path, data={"csrf_token": token})
    assert house.operation(decision["id"]).status is Status.OPEN  # not by the same person

    house.person("bob", Role.OPERATOR)
    other = browser.application.test_client()
    assert sign_in(other, "bob") == 303
    other.post(path, data={"csrf_token": token_of(other.get("/desk/review").text)})
    assert house.operation(decision["id"]).status is Status.ACCEPTED


def test_endpoints_that_were_switched_off_are_on_the_first_screen(desk: tuple[House, FlaskClient]) -> None:
    house, browser = desk
    endpoints = Endpoints(house.store, house.clock)
    assert 'class="problem"' not in browser.get("/desk").text
    endpoints.switch_off(endpoints.create("shop", "https://shop.example/hook", ["*"]).id, Why.FAILING.value)
    assert 'class="problem"' in browser.get("/desk").text
    listed = browser.get("/desk/webhooks").text
    assert Why.FAILING.value in listed
    assert "whsec_" not in listed


def test_on_one_machine_anybody_may_look_and_nobody_may_decide() -> None:
    house, browser = with_pages(admin_token="")
    id = stuck(house)
    assert browser.get("/desk").status_code == 200
    page = browser.get(f"/desk/operations/{id}").text
    form = {"csrf_token": token_of(page), "decision": "confirm", "reason": "seen"}
    assert browser.post(f"/desk/operations/{id}/decision", data=form).headers["Location"].startswith("/desk/sign-in")
    assert house.store.find("operations", {"kind": DECISIONS.kind}) == []
