"""Gateways: what of them is refused, and what people type that nobody can use. Nothing is stored for it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from api.http.blueprint import FORM, MAX_BODY_BYTES
from tests.answers import Answer
from tests.api.kit import PHONE, House, assert_problem, build, move_in, wrong_fields
from tests.ussd.kit import PATHS, PIN, Phone, count_all, menu, merchant, neighbour, read

JSON, TALK = PATHS["json"], PATHS["africastalking"]
STEP = {"sessionid": "7", "msisdn": PHONE, "message": ""}
FORM_STEP = {"sessionId": "7", "phoneNumber": PHONE, "serviceCode": "*384#", "networkCode": "61203", "text": ""}
DIGITS = PHONE.removeprefix("+")
ALL: dict[str, dict[str, Any]] = {
    "json": STEP,
    "africastalking": FORM_STEP,
    "hubtel": {"Type": "Initiation", "Mobile": DIGITS, "SessionId": "7", "Message": "*713#", "Sequence": 1},
    "infobip": {"session": "7", "msIsdn": DIGITS, "text": "*384#"},
    "nalo": {"USERID": "CITY", "MSISDN": DIGITS, "USERDATA": "*384#", "MSGTYPE": True, "SESSIONID": "7"},
}
"""A dial of each gateway. Infobip's session is in the path."""
PHONES = {
    "json": "msisdn",
    "africastalking": "phoneNumber",
    "hubtel": "Mobile",
    "infobip": "msIsdn",
    "nalo": "MSISDN",
}
SESSIONS = {
    "json": "sessionid",
    "africastalking": "sessionId",
    "hubtel": "SessionId",
    "infobip": "session",
    "nalo": "SESSIONID",
}
TEXTS = {"json": "message", "africastalking": "text", "hubtel": "Message", "infobip": "text", "nalo": "USERDATA"}
NEEDED = [
    *((gateway, roles[gateway]) for gateway in ALL for roles in (PHONES, SESSIONS, TEXTS)),
    *(("hubtel", name) for name in ("Type", "Sequence")),
    *(("nalo", name) for name in ("USERID", "MSGTYPE")),
]
NEEDED.remove(("infobip", "session"))

LONG = "x" * 10_000
EMOJI = "\U0001f600\U0001f4b0"
ARABIC, WIDE = "\u0665\u0660\u0660", "\uff11\uff12\uff13\uff14\uff15\uff16"
"""Digits of others: 500 and 123456."""
NO_AMOUNTS = (
    "0.5",
    "10,000",
    "10.000",
    "10, 000",
    "-5",
    "00000",
    str(10**15),
    str(10**13 + 1),
    "abc",
    "1e3",
    "1.2.3",
    "NaN",
    ARABIC,
    "+5",
    "5 F",
)


def name(value: object) -> str:
    """Of a test, from what it types."""
    return ascii(value)[:20]


@pytest.fixture(params=PATHS)
def gateway(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def awa(house: House, gateway: str) -> Phone:
    return Phone(house, gateway=gateway).register()


def call(house: House, gateway: str, content: Any, headers: Mapping[str, str] | None = None) -> Answer:
    """An object is sent as this gateway does, and text as it is with the gateway's content type."""
    if gateway == "africastalking":
        return house.http.post(TALK, data=content, content_type=FORM, headers=headers)
    path = url(gateway)
    if gateway == "infobip" and isinstance(content, dict):
        content = {**content}
        path = url(gateway, content.pop("session"))
    data = content if isinstance(content, str | bytes) else json.dumps(content)
    return house.http.post(path, data=data, content_type="application/json", headers=headers)


def url(gateway: str, session: str = "7") -> str:
    return f"{PATHS[gateway]}/{session}/start" if gateway == "infobip" else PATHS[gateway]


@contextmanager
def nothing_stored(house: House) -> Iterator[None]:
    before = count_all(house.store)
    yield
    assert count_all(house.store) == before


def without(gateway: str, field: str) -> dict[str, Any]:
    return {name: value for name, value in ALL[gateway].items() if name != field}


def test_json_is_answered_in_json(house: House) -> None:
    answer = call(house, "json", STEP)

    assert answer.status_code == 200
    assert answer.json == {"message": "1 Français\n2 English\n3 Português\n4 Русский", "command": "CON"}


def test_africas_talking_is_answered_in_text(house: House) -> None:
    answer = call(house, "africastalking", FORM_STEP)

    assert (answer.status_code, answer.content_type) == (200, "text/plain; charset=utf-8")
    assert answer.text == "CON 1 Français\n2 English\n3 Português\n4 Русский"
    assert call(house, "africastalking", {**FORM_STEP, "text": "0"}).text == "END Au revoir."


@pytest.mark.parametrize("missing", ["serviceCode", "networkCode"])
def test_what_nobody_needs_may_be_missing_and_more_may_be_there(house: House, missing: str) -> None:
    for form in (without("africastalking", missing), {**FORM_STEP, "date": "today"}):
        assert call(house, "africastalking", form).text.startswith("CON ")


@pytest.mark.parametrize("spelled", ["+225 07 07 00 00 01", "0707000001", " 2250707000001", "00225 0707000001"])
def test_one_phone_is_one_however_it_is_spelled(house: House, gateway: str, spelled: str) -> None:
    phone = Phone(house, PHONE, gateway).register()

    answer = call(house, gateway, {**ALL[gateway], PHONES[gateway]: spelled, SESSIONS[gateway]: "another"})
    assert read(answer)[0].endswith(menu("en"))
    assert len(house.store.find("ussd_sessions", {})) == 1
    assert phone.person.msisdn == PHONE


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '"dial"', "7", '{"sessionid": }'])
def test_a_body_that_is_no_json_object_is_refused(house: House, body: str) -> None:
    with nothing_stored(house):
        assert_problem(call(house, "json", body), 400, "bad_request")


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data; boundary=x", ""])
def test_another_content_type_is_refused(house: House, gateway: str, kind: str) -> None:
    with nothing_stored(house):
        answer = house.http.post(url(gateway), data=json.dumps(ALL[gateway]), content_type=kind)
        assert_problem(answer, 415, "unsupported_media_type")


def test_neither_gateway_takes_what_the_other_one_sends(house: House) -> None:
    with nothing_stored(house):
        assert_problem(house.http.post(JSON, data=FORM_STEP), 415, "unsupported_media_type")
        assert_problem(house.http.post(TALK, json=STEP), 415, "unsupported_media_type")


def test_too_large_a_body_is_refused(house: House, gateway: str) -> None:
    with nothing_stored(house):
        large = {**ALL[gateway], TEXTS[gateway]: "1" * MAX_BODY_BYTES}
        assert_problem(call(house, gateway, large), 413, "request_too_large")


def test_nothing_but_post_is_there(house: House, gateway: str) -> None:
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        assert_problem(house.http.open(url(gateway), method=method), 405, "method_not_allowed")


@pytest.mark.parametrize(("gateway", "field"), NEEDED)
def test_what_is_missing_is_named(house: House, gateway: str, field: str) -> None:
    with nothing_stored(house):
        assert wrong_fields(call(house, gateway, without(gateway, field))) == {f"/{field}"}


@pytest.mark.parametrize("code", ["#237*100#", "*384#", "*123*1*2#", " *#06# "])
def test_a_service_code_in_place_of_the_phone_is_refused_as_such(house: House, gateway: str, code: str) -> None:
    problem = assert_problem(call(house, gateway, {**ALL[gateway], PHONES[gateway]: code}), 422, "validation_failed")

    detail = "This is a service code. It has to be the caller's phone."
    assert problem["errors"] == [{"pointer": f"/{PHONES[gateway]}", "detail": detail}]


@pytest.mark.parametrize(
    "phone", ["", "phone", "12", "+", "0" * 41, "+22507070000019999", "tel:+2250707000001", EMOJI, "+225070700000\x001"]
)
def test_a_phone_that_is_none_is_refused(house: House, gateway: str, phone: str) -> None:
    with nothing_stored(house):
        assert wrong_fields(call(house, gateway, {**ALL[gateway], PHONES[gateway]: phone})) == {f"/{PHONES[gateway]}"}


@pytest.mark.parametrize("session", ["", "s" * 129])
def test_a_session_needs_a_name_that_can_be_kept(house: House, gateway: str, session: str) -> None:
    with nothing_stored(house):
        if gateway == "infobip" and not session:
            assert_problem(call(house, gateway, {**ALL[gateway], "session": session}), 404, "not_found")
            return
        answer = call(house, gateway, {**ALL[gateway], SESSIONS[gateway]: session})
        assert wrong_fields(answer) == {f"/{SESSIONS[gateway]}"}


@pytest.mark.parametrize("value", [None, 7, ["1"], {"text": "1"}, True])
@pytest.mark.parametrize("field", list(STEP))
def test_fields_are_texts(house: House, field: str, value: Any) -> None:
    with nothing_stored(house):
        assert f"/{field}" in wrong_fields(call(house, "json", {**STEP, field: value}))


@pytest.mark.parametrize("step", [-1, 10_001, "1", 1.5, True, [1]])
def test_a_step_is_a_number(house: House, step: Any) -> None:
    with nothing_stored(house):
        assert wrong_fields(call(house, "json", {**STEP, "step": step})) == {"/step"}
    for whole in (None, 5, 5.0):  # JSON has one number for the last two
        assert call(house, "json", {**STEP, "step": whole}).status_code == 200


def test_unexpected_fields_are_refused(house: House) -> None:
    with nothing_stored(house):
        assert wrong_fields(call(house, "json", {**STEP, "pin": "2589"})) == {"/pin"}


def test_half_a_character_is_no_text(house: House) -> None:
    with nothing_stored(house):
        body = json.dumps({**STEP, "message": "?"}).replace("?", r"\ud83d")
        assert wrong_fields(call(house, "json", body)) == {"/message"}


def test_bytes_that_are_no_utf8_are_text_that_nobody_typed(house: House, awa: Phone) -> None:
    if awa.gateway != "africastalking":
        assert_problem(call(house, awa.gateway, b'{"message": "\xff\xfe"}'), 400, "bad_request")
    else:
        form = f"sessionId={awa.session}&phoneNumber=%2B{awa.msisdn[1:]}&text=2*%FF%FE*%FF*%FF"
        assert call(house, "africastalking", form).text.startswith("CON No such choice.")


SETTINGS = {"json": "ussd_key", **{name: f"ussd_{name}_key" for name in PATHS if name != "json"}}
REMOTE = {"store_url": "postgresql://quittance@db/quittance"}


@pytest.mark.parametrize("where", [{}, REMOTE])
def test_a_gateway_shows_its_key(gateway: str, where: dict[str, str]) -> None:
    other = next(name for name in PATHS if name != gateway)
    house = move_in(build(None, None, **where, **{SETTINGS[gateway]: "open sesame", SETTINGS[other]: "another"}))

    for headers in ({}, {"X-Gateway-Key": ""}, {"X-Gateway-Key": "another"}, {"X-Gateway-Key": "open sesam\xe9"}):
        with nothing_stored(house):
            assert_problem(call(house, gateway, ALL[gateway], headers), 401, "unauthorized")
            assert_problem(call(house, gateway, without(gateway, PHONES[gateway]), headers), 401, "unauthorized")
    answer = call(house, gateway, ALL[gateway], {"X-Gateway-Key": "open sesame"})
    assert answer.status_code == 200
    house.store.close()


def test_where_there_is_no_key_nobody_gets_in_but_on_one_machine(house: House, gateway: str) -> None:
    remote = move_in(build(None, None, **REMOTE))
    for headers in ({}, {"X-Gateway-Key": ""}, {"X-Gateway-Key": "guess"}):
        with nothing_stored(remote):
            assert_problem(call(remote, gateway, ALL[gateway], headers), 401, "unauthorized")
    remote.store.close()

    move_in(house)
    assert call(house, gateway, ALL[gateway]).status_code == 200


@pytest.mark.parametrize(
    "typed", ["", " ", LONG, EMOJI, "letters", "9", "99", "-1", "1.0", "٣", "\x00", "1\n2", "<b>", "'; --"], ids=name
)
def test_an_invalid_choice_is_reported_above_the_menu(awa: Phone, typed: str) -> None:
    shown = awa.type(typed)

    wrong = {"": "Nothing typed.", " ": "Nothing typed.", LONG: "Too long."}.get(typed, "No such choice.")
    assert shown == f"{wrong}\n{menu('en')}"
    assert awa.type("5") == "Balance: 0 XOF"


@pytest.mark.parametrize("typed", NO_AMOUNTS, ids=name)
def test_an_invalid_amount_is_reported_above_the_question(awa: Phone, typed: str) -> None:
    assert awa.type("6", typed) == "Not an amount.\nAmount:"
    assert awa.type("500").startswith("Top up 500 XOF.")


def test_nothing_alone_is_the_way_back(awa: Phone) -> None:
    assert awa.type("6", "0") == menu("en")
    assert awa.type("6", "00") == menu("en")


@pytest.mark.parametrize(
    ("typed", "minor"), [("500", 500), ("10 000", 10_000), ("0500", 500), (str(10**13), 10**13), (" 7 ", 7)]
)
def test_amounts_are_read_as_people_type_them(awa: Phone, typed: str, minor: int) -> None:
    awa.type("6", typed, PIN)

    assert awa.accepted().request["amount"] == minor


@pytest.mark.parametrize("typed", ["12.5", "12,5", "12.500"], ids=name)
def test_with_decimals_where_the_currency_has_them(gateway: str, typed: str) -> None:
    house = move_in(build(wallet_currency="KWD"))
    phone = Phone(house, gateway=gateway).register()
    assert phone.type("6", "0.0005") == "Not an amount.\nAmount:"

    assert phone.type(typed) == "Top up 12.5 KWD.\nPIN:"
    phone.type(PIN)
    assert phone.accepted().request["amount"] == 12_500
    house.store.close()


@pytest.mark.parametrize(
    "typed", ["", LONG, EMOJI, "12", "0707", "nobody", "+22500", "\x00" * 6, "a b", "kofi;kofi"], ids=name
)
def test_an_unknown_recipient_is_reported_above_the_question(house: House, awa: Phone, typed: str) -> None:
    neighbour(house, "kofi")

    assert awa.type("1", typed).endswith("\nRecipient (phone or name):")
    assert awa.type("kofi") == "Amount:"


def test_a_payment_to_oneself_is_refused(house: House, awa: Phone) -> None:
    assert awa.type("1", awa.msisdn) == "That is you.\nRecipient (phone or name):"
    mine = merchant(house, awa)
    assert awa.type("00", "2", mine.code) == "That is you.\nMerchant code:"


@pytest.mark.parametrize(
    "typed", ["123456", "12345", "1234567", "abcdef", "\x00\x00\x00\x00\x00\x00", WIDE, LONG], ids=name
)
def test_an_unknown_merchant_is_reported_above_the_question(awa: Phone, typed: str) -> None:
    wrong = "Too long." if typed == LONG else "Unknown."

    assert awa.type("2", typed) == f"{wrong}\nMerchant code:"


@pytest.mark.parametrize("typed", ["no fine", "-AM", "AM/1", EMOJI, "A" * 65, "\x00"], ids=name)
def test_an_invalid_fine_is_reported_above_the_question(awa: Phone, typed: str) -> None:
    wrong = "Not a number of a fine.\nNo list of fines now.\nNumber of the fine:"
    assert awa.type("4", "2", typed) == wrong


@pytest.mark.parametrize("typed", ["5", " 0 ", "9", LONG, " "], ids=name)
def test_an_invalid_language_is_reported_above_the_list(house: House, gateway: str, typed: str) -> None:
    phone = Phone(house, gateway=gateway)
    phone.dial()

    shown = phone.type(typed)
    if typed == " 0 ":
        assert (shown, phone.over) == ("Au revoir.", True)
    else:
        assert shown.endswith("\n1 Français\n2 English\n3 Português\n4 Русский")
        assert phone.type("2") == "Welcome. Choose a PIN:"


def test_a_price_that_changed_meanwhile_is_reported(house: House, awa: Phone) -> None:
    service = {"name": "Water", "price": 100, "currency": "XOF", "state": "offered"}
    stored = house.store.insert("services", {"id": "01a1fb37-7851-74c6-b28a-58f4b87a2511", **service})
    awa.type("3", "1")
    house.store.replace("services", {**stored, "price": 200})

    assert awa.type(PIN) == "The price has changed.\nPay 100 XOF for Water.\nPIN:"
    assert awa.type("0").startswith("Services:\n1 Water 200 XOF")


def test_a_service_that_was_withdrawn_meanwhile_is_reported(house: House, awa: Phone) -> None:
    assert awa.type("3") == "No services."
    service = {"name": "Water", "price": 100, "currency": "XOF", "state": "offered"}
    stored = house.store.insert("services", {"id": "01a1fb37-7851-74c6-b28a-58f4b87a2511", **service})
    house.store.insert("services", {"id": "01a1fb37-7851-74c6-b28a-58f4b87a2512", **service, "currency": "KWD"})
    assert awa.type("0", "3") == "Services:\n1 Water 100 XOF"  # what no wallet can pay is not there
    awa.type("1")
    house.store.replace("services", {**stored, "state": "retired"})

    assert awa.type(PIN) == "No longer offered."
    assert awa.over


def test_stars_in_an_answer_are_as_good_as_many_answers(house: House) -> None:
    """The gateway sends nothing else to tell them apart; the last answer counts, and the next one is not mixed up."""
    phone = Phone(house, gateway="africastalking").register()

    assert phone.type("6", "5*7") == "Top up 7 XOF.\nPIN:"
    assert phone.again() == phone.message
    assert phone.type("*") == "Nothing typed.\nTop up 7 XOF.\nPIN:"
    phone.type(PIN)
    assert phone.accepted().request["amount"] == 7
