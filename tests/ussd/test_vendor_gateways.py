"""The vendors' formats: what each of them gets, how they end sessions, and that all lead to the same screens."""

from typing import Any

import pytest

from api.ussd.sessions import CLAIM_S, RESUME_S
from core.clock import to_rfc3339
from core.errors import Conflict
from core.store.port import USSD_SESSIONS, Document, Store
from tests.answers import Answer
from tests.api.kit import PHONE, House, move_in, wrong_fields
from tests.ussd.kit import (
    FORMATS,
    PATHS,
    PIN,
    Phone,
    Worker,
    balance,
    count_all,
    menu,
    merchant,
    neighbour,
    people,
    read,
    said,
    spoken,
)

LANGUAGES = "1 Français\n2 English\n3 Português\n4 Русский"
SUMMARY = "Top up 500 XOF.\nPIN:"
RESUME = "Go on where you were?\n1 Yes\n2 No"
HUBTEL: dict[str, Any] = {
    "Type": "Initiation",
    "Mobile": PHONE[1:],
    "SessionId": "7",
    "Message": "*713#",
    "Sequence": 1,
}
INFOBIP: dict[str, Any] = {"msIsdn": PHONE[1:], "text": "*384#"}
NALO: dict[str, Any] = {"USERID": "CITY", "MSISDN": PHONE[1:], "USERDATA": "*384#", "MSGTYPE": True, "SESSIONID": "7"}
ENDS = [("hubtel", "Timeout"), ("hubtel", "Release"), ("infobip", "POST"), ("infobip", "PUT")]
"""The ways in which gateways say that a session is over."""


def send(house: House, gateway: str, body: dict[str, Any], call: str = "start", method: str = "POST") -> Answer:
    path = f"{PATHS[gateway]}/7/{call}" if gateway == "infobip" else PATHS[gateway]
    return house.http.open(path, method=method, json=body)


def over(phone: Phone, how: str) -> Answer:
    """What the gateway sends when the session of this phone is over."""
    http, digits = phone.house.http, phone.msisdn[1:]
    if phone.gateway == "hubtel":
        step = {**HUBTEL, "Mobile": digits, "SessionId": phone.session, "Sequence": len(phone.typed) + 2}
        return http.post(PATHS["hubtel"], json={**step, "Type": how, "Message": ""})
    return http.open(f"{PATHS['infobip']}/{phone.session}/end", method=how, json={"msIsdn": digits, "exitCode": 503})


def session(phone: Phone) -> Document:
    (found,) = phone.house.store.find(USSD_SESSIONS, {})
    return found


def test_hubtel_is_answered_in_its_format(house: House) -> None:
    first = send(house, "hubtel", HUBTEL)
    last = send(house, "hubtel", {**HUBTEL, "Type": "Response", "Message": "0", "Sequence": 2})

    fixed = {"SessionId": "7", "Label": "", "ClientState": "", "FieldType": "text"}
    assert first.json == {**fixed, "Type": "response", "Message": LANGUAGES, "DataType": "input"}
    assert last.json == {**fixed, "Type": "release", "Message": "Au revoir.", "DataType": "display"}


def test_infobip_is_answered_in_its_format(house: House) -> None:
    first = send(house, "infobip", INFOBIP)
    last = send(house, "infobip", {**INFOBIP, "text": "0"}, "response")

    fixed = {"responseExitCode": 200, "responseMessage": ""}
    assert first.json == {**fixed, "shouldClose": False, "ussdMenu": LANGUAGES}
    assert last.json == {**fixed, "shouldClose": True, "ussdMenu": "Au revoir."}


def test_nalo_is_answered_in_its_format_with_the_phone_as_it_wrote_it(house: House) -> None:
    first = send(house, "nalo", NALO)
    last = send(house, "nalo", {**NALO, "USERDATA": "0", "MSGTYPE": False})

    fixed = {"USERID": "CITY", "MSISDN": "2250707000001"}
    assert first.json == {**fixed, "MSG": LANGUAGES, "MSGTYPE": True}
    assert last.json == {**fixed, "MSG": "Au revoir.", "MSGTYPE": False}


def test_the_same_keys_lead_to_the_same_screens_through_every_gateway(house: House, worker: Worker) -> None:
    """Only what names the payment differs."""
    shop, seen = merchant(house, neighbour(house, "kofi")).code, {}
    flow = ["2", PIN, PIN, "9", "1", "kofi", "a lot", "00", "2", shop, "300", "0", "0", "0", "6", "500", "97531", PIN]
    for gateway in FORMATS:
        phone = Phone(house, gateway=gateway)
        screens = [phone.dial(), *(phone.type(key) for key in flow)]
        assert phone.over
        assert phone.accepted().request["amount"] == 500
        seen[gateway] = [*screens[:-1], screens[-1].replace(phone.operations()[-1].id[-8:], "{ref}")]
        worker.run()
        assert balance(phone) == 500

    assert len(seen) == 6
    assert SUMMARY in seen["json"]
    assert all(screens == seen["json"] for screens in seen.values())


@pytest.mark.parametrize("gateway", ["hubtel", "infobip", "nalo"])
@pytest.mark.parametrize(
    ("written", "msisdn"),
    [
        ("2250707000001", PHONE),
        ("+2250707000001", PHONE),
        ("0707000001", PHONE),
        ("233241234567", "+233241234567"),
        ("254712345678", "+254712345678"),
    ],
)
def test_a_phone_without_its_plus_is_of_its_country(house: House, gateway: str, written: str, msisdn: str) -> None:
    for typed in ([], ["2"], ["2", PIN], ["2", PIN, PIN]):
        path, body = spoken(gateway, "7", written, typed)
        body = {name: written if value == written.removeprefix("+") else value for name, value in body.items()}
        read(house.http.post(path, json=body))

    assert people(house).of_phone(msisdn) is not None


@pytest.mark.parametrize("gateway", ["hubtel", "infobip", "nalo"])
def test_what_a_vendor_adds_is_not_looked_at(house: House, gateway: str) -> None:
    path, body = spoken(gateway, "7", PHONE, [])
    for more in (None, 7, ["x"], {"screen": "main"}, "x" * 1000):
        extra = dict.fromkeys(("ClientState", "Operator", "Platform", "NETWORK", "imsi", "optional", "new"), more)
        assert read(house.http.post(path, json={**body, **extra})) == (LANGUAGES, False)


@pytest.mark.parametrize("value", [None, 7, ["1"], {"text": "1"}, True])
@pytest.mark.parametrize(
    ("gateway", "field"),
    [
        *(("hubtel", name) for name in ("Type", "Mobile", "SessionId", "Message")),
        *(("infobip", name) for name in INFOBIP),
        *(("nalo", name) for name in ("USERID", "MSISDN", "USERDATA", "SESSIONID")),
    ],
)
def test_texts_of_a_vendor_are_texts(house: House, gateway: str, field: str, value: object) -> None:
    before, steps = count_all(house.store), {"hubtel": HUBTEL, "infobip": INFOBIP, "nalo": NALO}

    assert wrong_fields(send(house, gateway, {**steps[gateway], field: value})) == {f"/{field}"}
    assert count_all(house.store) == before


@pytest.mark.parametrize("sequence", [None, 0, -1, 10_001, "1", 1.5, True, [1]])
def test_hubtels_sequence_is_a_number_from_one(house: House, sequence: object) -> None:
    assert wrong_fields(send(house, "hubtel", {**HUBTEL, "Sequence": sequence})) == {"/Sequence"}


@pytest.mark.parametrize("kind", ["", "initiation", "AddToCart", "response", "Query"])
def test_another_type_of_hubtels_is_refused(house: House, kind: str) -> None:
    assert wrong_fields(send(house, "hubtel", {**HUBTEL, "Type": kind})) == {"/Type"}


@pytest.mark.parametrize("flag", [None, 1, 0, "true", "false", "", [True]])
def test_nalos_flag_is_true_or_false(house: House, flag: object) -> None:
    assert wrong_fields(send(house, "nalo", {**NALO, "MSGTYPE": flag})) == {"/MSGTYPE"}


def test_hubtels_sequence_tells_a_repetition_from_the_same_input_again(house: House, worker: Worker) -> None:
    phone = Phone(house, gateway="hubtel").register()
    amount = phone.type("6")
    step = {**HUBTEL, "Type": "Response", "Mobile": phone.msisdn[1:], "SessionId": phone.session, "Message": "6"}
    number = len(phone.typed) + 1

    repeated = [send(house, "hubtel", {**step, "Sequence": number - late}) for late in (0, 0, 1, 3)]
    anew = send(house, "hubtel", {**step, "Sequence": number + 1})
    paid = [send(house, "hubtel", {**step, "Message": PIN, "Sequence": number + 2}) for _ in range(3)]

    assert {read(answer) for answer in repeated} == {(amount, False)}
    assert read(anew) == ("Top up 6 XOF.\nPIN:", False)
    assert len({read(answer) for answer in paid}) == 1
    worker.run()
    assert (len(phone.operations()), balance(phone)) == (1, 6)


def test_a_state_that_comes_back_from_outside_leads_nowhere(house: House) -> None:
    phone = Phone(house, gateway="hubtel").register()
    step = {**HUBTEL, "Mobile": phone.msisdn[1:], "SessionId": phone.session, "Type": "Response", "Message": "500"}
    forged = {"screen": "recharge_pin", "data": {"amount": 500}}

    answer = send(house, "hubtel", {**step, "Sequence": len(phone.typed) + 2, "ClientState": forged})

    assert read(answer) == (f"No such choice.\n{menu('en')}", False)


@pytest.mark.parametrize(("gateway", "how"), ENDS)
def test_a_session_that_the_gateway_ends_has_no_effect_any_more(house: House, gateway: str, how: str) -> None:
    phone = Phone(house, gateway=gateway).register()
    phone.type("6", "500")

    assert read(over(phone, how)) == ("Session over.", True)

    assert phone.type(PIN) == SUMMARY
    assert phone.over
    assert phone.again() == SUMMARY
    assert phone.operations() == []


@pytest.mark.parametrize(("gateway", "how"), ENDS)
def test_the_next_dial_may_go_on_where_the_gateway_ended(house: House, gateway: str, how: str) -> None:
    phone = Phone(house, gateway=gateway).register()
    phone.type("6", "500")
    over(phone, how)
    house.tick(RESUME_S)

    assert phone.dial() == RESUME
    assert phone.type("1") == SUMMARY
    phone.type(PIN)
    phone.accepted()


@pytest.mark.parametrize(("gateway", "how"), ENDS)
def test_an_ended_session_may_be_dialled_by_the_same_id(house: House, gateway: str, how: str) -> None:
    phone = Phone(house, gateway=gateway).register()
    phone.type("8", "00")
    over(phone, how)

    assert phone.dial(phone.session) == menu("en")
    assert phone.type("5") == "Balance: 0 XOF"


@pytest.mark.parametrize(("gateway", "how"), ENDS)
def test_the_end_of_a_paid_session_changes_nothing(house: House, worker: Worker, gateway: str, how: str) -> None:
    phone = Phone(house, gateway=gateway).register()
    receipt = phone.type("6", "500", PIN)

    for _ in range(2):
        assert read(over(phone, how)) == ("Session over.", True)
        assert phone.again() == receipt
    worker.run()

    assert (len(phone.operations()), balance(phone)) == (1, 500)


@pytest.mark.parametrize(("gateway", "how"), ENDS)
def test_the_end_of_another_session_leaves_this_one_alone(house: House, gateway: str, how: str) -> None:
    phone, former = Phone(house, gateway=gateway).register(), Phone(house, gateway=gateway)
    former.msisdn, former.session = phone.msisdn, "another"

    assert read(over(former, how)) == ("Session over.", True)

    assert phone.type("6", "500") == SUMMARY


@pytest.mark.parametrize(("gateway", "how"), ENDS)
def test_the_end_of_a_session_that_nobody_knows_stores_nothing(house: House, gateway: str, how: str) -> None:
    before, phone = count_all(house.store), Phone(house, PHONE, gateway)
    phone.session = "unheard of"

    assert read(over(phone, how)) == (said("fr", "Session over."), True)
    assert count_all(house.store) == before


@pytest.mark.parametrize(("gateway", "how"), ENDS)
def test_a_step_that_is_being_processed_is_not_cut_off(house: House, gateway: str, how: str) -> None:
    """A PIN may have been taken already. Where its process has died, the session is closed."""
    phone = Phone(house, gateway=gateway).register()
    phone.type("6", "500")
    claimed = {**session(phone), "claimed_at": to_rfc3339(house.clock.now())}
    house.store.replace(USSD_SESSIONS, claimed)

    over(phone, how)
    assert "closed" not in session(phone)

    house.tick(CLAIM_S)
    over(phone, how)
    assert session(phone)["closed"] is True


def test_a_step_that_is_faster_than_the_end_stands(house: House) -> None:
    class Overtaken:
        def __init__(self, store: Store) -> None:
            self._store = store

        def __getattr__(self, verb: str) -> Any:
            return getattr(self._store, verb)

        def replace(self, collection: str, document: Document) -> Document:
            raise Conflict

    phone = Phone(house, gateway="hubtel").register()
    phone.type("6")
    before = session(phone)
    move_in(House(Overtaken(house.store), house.broker, house.clock, house.settings))

    assert read(over(phone, "Timeout")) == ("Session over.", True)
    assert session(phone) == before


def test_without_the_phone_infobips_end_does_nothing(house: House) -> None:
    phone = Phone(house, gateway="infobip").register()

    answer = house.http.put(f"{PATHS['infobip']}/{phone.session}/end", json={"exitCode": 200})

    assert answer.json == {"shouldClose": True, "ussdMenu": "", "responseExitCode": 200, "responseMessage": ""}
    assert phone.type("6", "500") == SUMMARY


def test_infobip_may_put_what_was_typed(house: House) -> None:
    read(send(house, "infobip", INFOBIP))
    assert read(send(house, "infobip", {**INFOBIP, "text": "2"}, "response", "PUT"))[0] == "Welcome. Choose a PIN:"


@pytest.mark.parametrize("call", ["start", "response", "end"])
def test_a_session_of_infobips_has_a_name_that_can_be_kept(house: House, call: str) -> None:
    before = count_all(house.store)
    answer = house.http.post(f"{PATHS['infobip']}/{'s' * 129}/{call}", json=INFOBIP)
    assert wrong_fields(answer) == {"/session"}
    assert count_all(house.store) == before
