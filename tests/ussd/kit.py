"""A phone for tests, which dials and types through any gateway, and a worker whose partners agree to everything."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from api.http.waiting import WaitingRoom
from api.ussd.fit import fits_screen
from core.accept import accept
from core.bootstrap import Core
from core.clock import to_rfc3339
from core.identity.people import People, Person
from core.identity.pins import Pins
from core.ids import new_id
from core.installed import DEFAULT
from core.ledger import Ledger
from core.notices.languages import LANGUAGES, plain, translator
from core.notices.port import Announcements
from core.operation import Operation, short_reference
from core.store.port import OPERATIONS, AtMost, Document, Store, scan
from products.fines.process import fine_lookup, fine_payment
from products.merchants.process import withdrawal
from products.merchants.register import Merchant, Merchants
from products.messages.contract import SmsNotifier
from products.messages.process import sms
from products.services.process import service_payment
from products.wallets.contract import top_up
from products.wallets.process import top_up as top_up_process
from products.wallets.process import transfer
from proof.ledger import examine_ledger, totals
from tests.answers import Answer, client_of
from tests.api.kit import PASSWORD, House
from tests.doubles import PlayedDialect
from worker.engine import Engine
from worker.partners.operators.port import Operators, Service
from worker.partners.port import Confirmed, Declined, Reply
from worker.partners.sms.local import FileSms
from worker.policy import Policy
from worker.process import Process

PATHS = {
    "json": "/ussd/",
    "africastalking": "/ussd/africastalking",
    "hubtel": "/ussd/hubtel",
    "infobip": "/ussd/infobip/session",
    "nalo": "/ussd/nalo",
}
GATEWAYS = ("json", "africastalking")
"""One that does not number its inputs, and one that does: what all others are like."""
FORMATS = (*PATHS, "numbered")
"""The last one is our own JSON as well, of a gateway that numbers its steps."""
NUMBERED = {"africastalking", "hubtel", "numbered"}
PIN = "2589"
MENU = ("Transfer money", "Withdraw", "Pay services", "Fines", "Balance", "Recharge", "Mini-statement", "My account")

_numbers = count(1)


def new_number() -> str:
    """A phone that nobody has."""
    return f"+22507{next(_numbers):08d}"


def said(language: str, text: str, **values: object) -> str:
    """What a text of the code is on a screen in this language."""
    return plain(translator(language)(text).format(**values), language)


def menu(language: str) -> str:
    return "\n".join(f"{number} {said(language, label)}" for number, label in enumerate(MENU, start=1))


def deliver(
    house: House, gateway: str, session: str, msisdn: str, typed: list[str], headers: Mapping[str, str] | None = None
) -> Answer:
    """What this gateway sends when so much was typed; an empty list dials."""
    http = client_of(house.app)
    if gateway == "africastalking":
        form = {"sessionId": session, "phoneNumber": msisdn, "serviceCode": "*384#", "networkCode": "61203"}
        return http.post(PATHS[gateway], data={**form, "text": "*".join(typed)}, headers=headers)
    path, body = spoken(gateway, session, msisdn, typed)
    return http.post(path, json=body, headers=headers)


def spoken(gateway: str, session: str, msisdn: str, typed: list[str]) -> tuple[str, dict[str, Any]]:
    """The path and the JSON of a gateway for this step. The vendors write a phone without its `+`."""
    last, digits = typed[-1] if typed else "*384#", msisdn.removeprefix("+")
    match gateway:
        case "hubtel":
            fixed = {"ServiceCode": "384", "Operator": "mtn", "ClientState": "99", "Platform": "USSD"}
            kind, number = "Response" if typed else "Initiation", len(typed) + 1
            step = {"Type": kind, "Mobile": digits, "SessionId": session, "Message": last, "Sequence": number}
            return PATHS[gateway], {**step, **fixed}
        case "infobip":
            call = "response" if typed else "start"
            return f"{PATHS[gateway]}/{session}/{call}", {"msIsdn": digits, "text": last, "shortCode": "384"}
        case "nalo":
            step = {"USERID": "CITY", "MSISDN": digits, "USERDATA": last, "SESSIONID": session, "NETWORK": "MTN"}
            return PATHS[gateway], {**step, "MSGTYPE": not typed}
        case _:
            step = {"sessionid": session, "msisdn": msisdn, "message": typed[-1] if typed else ""}
            return PATHS["json"], step | ({"step": len(typed)} if gateway == "numbered" else {})


def read(answer: Answer) -> tuple[str, bool]:
    """The message, and whether the session is over. Whatever is shown has to fit."""
    assert answer.status_code == 200, answer.text
    message, over = _shown(answer)
    assert message
    assert fits_screen(message), message
    return message, over


def _shown(answer: Answer) -> tuple[str, bool]:
    if answer.mimetype == "text/plain":
        command, _, message = answer.text.partition(" ")
        assert command in ("CON", "END")
        return message, command == "END"
    match answer.json:
        case {"message": str(message), "command": "CON" | "END" as command, **rest}:
            over = command == "END"
        case {"Type": "response" | "release" as kind, "Message": str(message), "DataType": data, **rest}:
            over = kind == "release"
            assert data == ("display" if over else "input")
            assert (rest.pop("Label"), rest.pop("ClientState"), rest.pop("FieldType")) == ("", "", "text")
            assert rest.pop("SessionId")
        case {"shouldClose": bool(over), "ussdMenu": str(message), "responseExitCode": 200, **rest}:
            assert rest.pop("responseMessage") == ""
        case {"MSG": str(message), "MSGTYPE": bool(goes_on), "USERID": "CITY", **rest}:
            over = not goes_on
            assert rest.pop("MSISDN")
        case unknown:
            raise AssertionError(unknown)
    assert rest == {}
    return message, over


class Phone:
    """message: what it shows; over: whether the session has ended."""

    def __init__(self, house: House, msisdn: str | None = None, gateway: str = "json") -> None:
        self.house = house
        if (
            house.app.extensions["waiting"]._sleep is time.sleep
        ):  # nobody works on what a screen waits for, unless a test does
            house.app.extensions["waiting"] = WaitingRoom(1, lambda _: None)
        self.msisdn = msisdn or new_number()
        self.gateway = gateway
        self.message, self.over = "", True
        self.session, self.typed = "", list[str]()

    def dial(self, session: str = "") -> str:
        self.session, self.typed = session or new_id(), []
        return self.again()

    def type(self, *keys: str) -> str:
        """Each key, or what is typed before it is sent; the last screen."""
        for key in keys:
            self.typed.append(key)
            self.again()
        return self.message

    def again(self) -> str:
        """The gateway delivers the last step, once more unless it is the first time."""
        self.message, self.over = read(deliver(self.house, self.gateway, self.session, self.msisdn, self.typed))
        return self.message

    def register(self, language: str = "en", pin: str = PIN) -> "Phone":
        self.dial()
        self.type(str([*LANGUAGES].index(language) + 1), pin, pin)
        return self

    @property
    def person(self) -> Person:
        found = people(self.house).of_phone(self.msisdn)
        assert found is not None
        return found

    def operations(self) -> list[Operation]:
        """What was accepted from this phone, oldest first."""
        found = map(Operation.from_document, scan(self.house.store, OPERATIONS, {}))
        return [each for each in found if each.notification and each.notification["msisdn"] == self.msisdn]

    def accepted(self) -> Operation:
        """The newest operation, of which the screen has just said the reference."""
        operation = self.operations()[-1]
        text = "Accepted. Ref {ref}. You will get an SMS."
        assert operation.notification is not None
        assert self.message == said(operation.notification["language"], text, ref=short_reference(operation.id))
        assert self.over
        return operation


class Partner:
    """The operator, the registry and both screenings: confirms by default, and remembers its calls.

    replies: by verb, instead of agreeing.
    """

    breaker = None

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.replies: dict[str, Reply] = {}

    @property
    def operators(self) -> Operators:
        """The operator, as processes know it."""

        def say(verb: str) -> Service:
            return Service(lambda demand: self._say(verb, demand.phone, demand.minor, demand.currency), self.enquire)

        dialect = PlayedDialect()
        dialect.debits, dialect.refunds = say("debit"), say("refund")
        return dialect.operators()

    def check(self, *asked: Any) -> Reply:
        return self._say("check", *asked)

    def settle(self, reference: str, fine: str, payment: str, minor: int, currency: str) -> Reply:
        return self._say("settle", fine, minor, currency)

    def owed(self, **_: str) -> Reply:
        return Declined("fine_lists_not_supported")

    def show(self, _: str) -> Reply:
        return Declined("no_answer")

    def enquire(self, _: object) -> Reply:
        raise AssertionError("nothing is ever in doubt here")

    def _say(self, verb: str, *asked: Any) -> Reply:
        self.asked.append((verb, *asked))
        return self.replies.get(verb, Confirmed())


class Worker:
    """Takes what is due to its end, on the thread and at the time of the test."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house, self.partner, self._log = house, Partner(), folder / "sms.log"
        store, clock = house.store, house.clock
        ledger, found, partner = house.core.ledger, house.core.people, self.partner
        processes = (
            fine_payment(store, clock, partner.operators, partner),  # type: ignore[arg-type]
            fine_lookup(partner),  # type: ignore[arg-type]
            top_up_process(ledger, partner.operators),
            transfer(ledger, found),
            withdrawal(ledger, found),
            service_payment(ledger, found, partner, partner),  # type: ignore[arg-type]
            sms(store, FileSms(self._log), clock, DEFAULT.details),
        )
        self._engine = Engine(
            store=store,
            clock=clock,
            processes={process.kind: process for process in processes},
            policy=Policy(settle_window_s=30),
            worker="worker-1",
            call_s=15,
            jitter=lambda: 1.0,
            announce=Announcements(SmsNotifier(store, house.broker, clock, new_id)).changed,
            gather=lambda calls: [call() for call in calls],
        )

    def serve(self, process: Process) -> None:
        """Takes operations of one more kind."""
        self._engine = replace(self._engine, processes={**self._engine.processes, process.kind: process})

    def run(self) -> None:
        """Until nothing is due."""
        while due := [*self._due()]:
            for id in due:
                self._engine.advance(id)

    def sms(self, msisdn: str) -> list[str]:
        """What this phone has been sent."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        return [sent["text"] for line in lines if (sent := json.loads(line))["to"] == msisdn]

    def code(self, msisdn: str) -> str:
        """The code in the last SMS to this phone, once everything due is done."""
        self.run()
        return "".join(letter for letter in self.sms(msisdn)[-1] if letter.isdigit())

    def fund(self, phone: Phone, amount: int) -> None:
        """So many minor units into the phone's wallet, the way that all money comes."""
        house = self.house
        command = top_up(house.core, phone.person, amount, house.settings.wallet_currency)
        accept(house.store, house.broker, house.clock, replace(command, idempotency_key=new_id()))
        self.run()

    def _due(self) -> Iterator[str]:
        now = AtMost(to_rfc3339(self.house.clock.now()))
        for kind in self._engine.processes:
            for found in self.house.store.find(OPERATIONS, {"kind": kind, "due_at": now}, order="due_at"):
                yield found["id"]


def people(house: House) -> People:
    found: Core = house.app.extensions["core"]
    return found.people


def pins(house: House) -> Pins:
    found: Pins = house.app.extensions["ussd"].pins
    return found


def neighbour(house: House, username: str | None = None) -> Phone:
    """Somebody with a phone, and maybe a username, who may be paid."""
    msisdn = new_number()
    person = people(house).register(username, PASSWORD if username else None, msisdn, phone_proven=True)
    Ledger(house.store, house.clock).open(person.id, house.settings.wallet_currency)
    return Phone(house, msisdn)


def merchant(house: House, owner: Phone, name: str = "Chez Awa") -> Merchant:
    return Merchants(house.store, house.clock).create(name, owner.person.id)


def wallet(phone: Phone) -> Document:
    found = phone.house.store.get("wallets", phone.person.id)
    assert found is not None
    return found


def balance(phone: Phone) -> int:
    """What there is in the phone's wallet, of which nothing may be on its way."""
    found = wallet(phone)
    assert found["holds"] == {}
    return int(found["balance"])


def assert_sound(store: Store) -> None:
    """The books are right, and no money has appeared or vanished."""
    assert list(examine_ledger(store, DEFAULT.contracts)) == []
    for sums in totals(store, DEFAULT.contracts).values():
        assert sum(sums.values()) == 0, sums


def everything(store: Store) -> str:
    """All that is stored, as text."""
    return "\n".join(json.dumps(document) for name in DEFAULT.collections for document in scan(store, name, {}))


def count_all(store: Store) -> dict[str, int]:
    return {name: sum(1 for _ in scan(store, name, {})) for name in DEFAULT.collections}
