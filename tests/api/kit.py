"""The API in the process of the test: the real app on the embedded store, and how to talk to it."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST
from flask import Flask

from api.app import WAITING_SEATS, create_app
from api.auth.tokens import Tokens
from api.http.waiting import WaitingRoom
from api.limits import Limits, address_keys
from api.ussd.menu import Menus
from api.ussd.sessions import Sessions, session_keys
from core.bootstrap import Core
from core.broker.embedded import EmbeddedBroker
from core.broker.port import Broker
from core.clock import Clock
from core.identity.passwords import Passwords
from core.identity.people import People, Person, Role
from core.identity.pins import Pins
from core.ids import new_id
from core.installed import DEFAULT
from core.ledger import MOBILE_MONEY, Ledger, Movement
from core.operation import Operation, Status
from core.operators import ONLY, OperatorSettings, OperatorTable
from core.secrets import pin_pepper, signing_secrets
from core.settings import ProductSettings, Settings
from core.steps import StepState
from core.store.port import Store
from products.consultations.contract import ConsultationSettings
from products.decisions.contract import DecisionsSettings
from products.events.contract import EventsSettings
from products.fines.contract import REFUND_STEP, FinesSettings, settle_step
from products.messages.contract import MailSettings, MessagesSettings
from products.payouts.contract import PayoutSettings
from products.services.contract import ServicesSettings
from products.webhooks.contract import WebhookSettings
from tests.answers import Answer, Client, client_of
from tests.doubles import FakeClock, open_sql

CHEAP = PasswordHasher.from_parameters(CHEAPEST)
"""How passwords are hashed where nobody's are at stake."""
URL = "/amendes/payments/"
TOKEN = "sesame"
PASSWORD = "correct horse battery"
PHONE = "+2250707000001"
NO_ID = "01a1fb37-7851-74c6-b28a-58f4b87a2511"
"""An id, of nothing."""
FINES = ({"id": "AM-2026-000123", "amount": 15000}, {"id": "AM-2026-000124", "amount": 10000})

SETTINGS = Settings(
    var_dir=Path("/nowhere"),
    store_url="sqlite://",
    broker_url="",
    events_to="queue",
    api_host="127.0.0.1",
    api_port=8080,
    operators=OperatorTable((OperatorSettings(ONLY, "generic", "http://operator.invalid"),), ONLY),
    admin_token=TOKEN,
    secret_key="0123456789abcdef" * 4,
    pin_pepper="fedcba9876543210" * 4,
    ussd_key="",
    ussd_africastalking_key="",
    ussd_hubtel_key="",
    ussd_infobip_key="",
    ussd_nalo_key="",
    ussd_session_s=180,
    currencies=["XOF", "EUR", "KWD"],
    wallet_currency="XOF",
    phone_region="CI",
    worker_concurrency=1,
    partner_calls=1,
    metrics_port=0,
    partner_timeout_s=15,
    settle_window_s=30,
    log_level="INFO",
    open_debits_per_phone=1_000_000,
    debits_per_phone_per_hour=1_000_000,
    sections={
        type(section): section
        for section in (
            FinesSettings("http://registry.invalid", "XOF"),
            ConsultationSettings("http://finance.invalid", "200.00 BRL"),
            ServicesSettings("http://screening.invalid", "http://blacklist.invalid"),
            MessagesSettings("file", "http://sms.invalid"),
            MailSettings(),
            PayoutSettings(["10000 XOF"]),
            DecisionsSettings(["10000 XOF"]),
            EventsSettings(20),
            WebhookSettings(15, False, False),
        )
    },
)


def body(**changes: Any) -> dict[str, Any]:
    """A payment of two fines."""
    return {"msisdn": PHONE, "currency": "XOF", "amount": 25000, "amendes": [dict(fine) for fine in FINES], **changes}


def without(field: str) -> dict[str, Any]:
    return {name: value for name, value in body().items() if name != field}


def one_fine(amount: Any, currency: str = "XOF", **fine: Any) -> dict[str, Any]:
    """A payment of one fine of that amount."""
    return body(currency=currency, amount=amount, amendes=[{"id": "AM-1", "amount": amount, **fine}])


def written(**literals: str) -> str:
    """The payment of `body` as JSON text in which these fields are written exactly so."""
    return "{" + ", ".join(f'"{n}": {literals.get(n, json.dumps(v))}' for n, v in body().items()) + "}"


@dataclass(frozen=True)
class House:
    """An app with all that it stands on."""

    store: Store
    broker: Broker
    clock: Clock
    settings: Settings

    @cached_property
    def core(self) -> Core:
        return Core(self.settings, self.clock, self.store, self.broker, Passwords(CHEAP))

    @cached_property
    def app(self) -> Flask:
        return create_app(self.core)

    @cached_property
    def http(self) -> Client:
        return client_of(self.app)

    def post(self, content: Any, headers: Mapping[str, str] | None = None, path: str = URL, **how: Any) -> Answer:
        """Text and bytes are sent as they are, all else as JSON."""
        data = content if isinstance(content, str | bytes) else json.dumps(content)
        return self.http.post(path, data=data, headers=headers, **{"content_type": "application/json", **how})

    def pay(self, content: Any = None, **headers: str) -> str:
        """The id of an accepted payment."""
        answer = self.post(body() if content is None else content, headers)
        assert answer.status_code == 202, answer.text
        return str(answer.json["id"])

    def get(self, id: str, **headers: str) -> Answer:
        return self.http.get(URL + id, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def list(self, query: str = "", token: str = TOKEN) -> Answer:
        return self.http.get(f"{URL}?{query}", headers={"Authorization": f"Bearer {token}"})

    def stored(self) -> dict[str, int]:
        """How many documents there are in the collections that a POST writes."""
        return {name: len(self.store.find(name, {}, limit=1000)) for name in ("operations", "idempotency_keys")}

    @contextmanager
    def nothing_stored(self) -> Iterator[None]:
        """What is asked meanwhile has to leave no trace: no operation, no key, no entry of the journal."""

        def documents() -> dict[str, int]:
            return {**self.stored(), "journal": len(self.store.find("journal", {}, limit=1000))}

        before = documents()
        yield
        assert documents() == before

    def tick(self, seconds: float) -> None:
        assert isinstance(self.clock, FakeClock)
        self.clock.tick(seconds)

    def caller(self, token: str = TOKEN) -> "Caller":
        """Whoever has this token; the administrator, unless it is said."""
        return Caller(self, token)

    def person(self, username: str, role: Role = Role.USER, msisdn: str | None = None, balance: int = 0) -> "Caller":
        """Somebody who is registered, signed in, and has so many minor units."""
        people: People = self.core.people
        person = people.register(username, PASSWORD, msisdn, role, phone_proven=msisdn is not None)
        self.fund(person.id, balance)
        return Caller(self, self.app.extensions["tokens"].issue(person.id), person)

    def fund(self, wallet: str, amount: int) -> None:
        """What a top-up does in the end."""
        ledger, currency = Ledger(self.store, self.clock), self.settings.wallet_currency
        ledger.open(wallet, currency)
        if amount:
            ledger.settle(Movement(new_id(), MOBILE_MONEY, wallet, amount, currency, "wallet_top_up"))

    def suspend(self, who: "Caller", suspended: bool = True) -> None:
        people: People = self.core.people
        people.suspend(who.id, suspended)

    def operation(self, id: str) -> Operation:
        document = self.store.get("operations", id)
        assert document is not None
        return Operation.from_document(document)

    def save(self, operation: Operation) -> None:
        self.store.replace("operations", operation.to_document())

    def move(self, id: str, *statuses: Status) -> None:
        """What a worker does to a payment's status."""
        operation = self.operation(id)
        for status in statuses:
            operation = operation.moved(status, self.clock.now())
        self.save(operation)

    def settle(self, id: str, *statuses: Status, refunded: bool = False, **fines: StepState) -> None:
        """What a worker writes once it has spoken to the registry: fines by their name without `AM-2026-`."""
        operation = self.operation(id)
        for number, state in fines.items():
            name = settle_step(f"AM-2026-{number.removeprefix('f')}")
            error = "already_paid" if state is StepState.DECLINED else None
            operation = operation.with_step(name, replace(operation.step(name), state=state, last_error=error))
        if refunded:
            operation = operation.with_step(REFUND_STEP, replace(operation.step(REFUND_STEP), state=StepState.DONE))
        for status in (Status.PROCESSING, *statuses):
            operation = operation.moved(status, self.clock.now())
        self.save(operation)


@dataclass(frozen=True)
class Caller:
    """Somebody with a bearer token. Headers are named with underscores."""

    house: House
    token: str
    person: Person | None = None

    @property
    def id(self) -> str:
        assert self.person is not None
        return self.person.id

    def send(self, method: str, path: str, content: Any = None, **headers: str) -> Answer:
        """content: sent as JSON, text as it is, None without a body."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.house.http.open(
            path,
            method=method,
            data=content if content is None or isinstance(content, str) else json.dumps(content),
            content_type=None if content is None else "application/json",
            headers={"Authorization": f"Bearer {self.token}", **named},
        )

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, **headers)

    def post(self, path: str, content: Any, **headers: str) -> Answer:
        return self.send("POST", path, content, **headers)

    def patch(self, path: str, content: Any) -> Answer:
        return self.send("PATCH", path, content)

    def balance(self) -> tuple[float, float]:
        """What may be spent, and what is held."""
        wallet = self.get("/v1/wallets/me").json
        return float(wallet["balance"]), float(wallet["held"])

    def pages(self, path: str, name: str, limit: int) -> list[list[Any]]:
        """All pages of a list, by following the cursors."""
        found: list[list[Any]] = []
        cursor: str | None = ""
        while cursor is not None:
            assert len(found) < 50
            answer = self.get(
                f"{path}{'&' if '?' in path else '?'}limit={limit}" + (f"&cursor={cursor}" if cursor else "")
            )
            assert answer.status_code == 200, answer.text
            found.append(answer.json[name])
            cursor = answer.json["next_cursor"]
        return found


def build(
    store: Store | None = None, broker: Broker | None = None, *sections: ProductSettings, **changes: Any
) -> House:
    """A house with other settings: sections of products, and single ones by name."""
    clock, settings = FakeClock(), replace(SETTINGS, **changes)
    for section in sections:
        settings = settings.having(section)
    store = store or open_sql("sqlite://")
    return House(store, broker or EmbeddedBroker(store, clock), clock, settings)


def machine_token(house: House, key: str, **fields: str) -> str:
    """A token for the machine with this key. fields: of the form, such as scope."""
    known = house.core.api_keys.look_up(key)
    assert known is not None
    form = {"grant_type": "client_credentials", "client_id": known.id, "client_secret": key, **fields}
    answer = house.http.post("/v1/auth/token", data=form)
    assert answer.status_code == 200, answer.text
    return str(answer.json["access_token"])


@cache
def menus() -> Menus:
    """Those of our own products."""
    return Menus(DEFAULT.members("ussd", "ENTRIES"))


@cache
def _app() -> Flask:
    return build().app


def move_in(house: House, sleep: Callable[[float], None] = time.sleep) -> House:
    """The house with an app, as `create_app` wires it: one that moves from house to house, as making one takes long."""
    app, core = _app(), house.core
    secrets, pepper = signing_secrets(core.settings), pin_pepper(core.settings)
    pins = Pins(core.store, core.clock, pepper, core.passwords)
    app.extensions |= {
        "core": core,
        "tokens": Tokens(secrets, core.clock),
        "pins": pins,
        "ussd": Sessions(core, pins, menus(), session_keys(secrets, pepper), sleep),
        "waiting": WaitingRoom(WAITING_SEATS, sleep),
        "limits": Limits(core.settings.rate_limits, core.counters, core.clock, address_keys(secrets)),
    }
    vars(house)["app"] = app
    return house


def assert_problem(answer: Answer, status: int, code: str) -> dict[str, Any]:
    """The problem details of an answer that has to be exactly this refusal."""
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    details = json.loads(answer.data)
    assert (details["status"], details["code"], details["type"]) == (status, code, f"urn:quittance:error:{code}")
    assert details["title"]
    assert details["detail"]
    return dict(details)


def wrong_fields(answer: Answer) -> set[str]:
    """The pointers of all the fields that a 422 names."""
    errors: Iterable[Mapping[str, str]] = assert_problem(answer, 422, "validation_failed")["errors"]
    assert all(error["detail"] for error in errors)
    return {error["pointer"] for error in errors}
