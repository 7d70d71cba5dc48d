"""A browser, an API, and people who have a phone."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Browser

from api.http.waiting import WaitingRoom
from devtools.stack import Stack
from products.merchants.register import Merchants
from products.services.catalogue import Catalogue
from tests.api.kit import House, build
from tests.ussd_phone.kit import Phone, served

NUMBERS = count(10000)


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real API."""
    with Stack(tmp_path_factory.mktemp("phone")) as stack:
        stack.start(["api"])
        yield stack.api


@pytest.fixture
def phone(browser: Browser, api: str) -> Iterator[Phone]:
    """A phone of somebody new. Whatever else happens in a test, the page itself has to behave."""
    with _opened(browser, api) as phone:
        yield phone


@pytest.fixture
def small_phone(browser: Browser, api: str) -> Iterator[Phone]:
    """The same on another phone."""
    small: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
    with _opened(browser, api, **small) as phone:
        yield phone


@pytest.fixture
def locked_phone(browser: Browser) -> Iterator[Phone]:
    """At an API that has a USSD_KEY."""
    with served(build(ussd_key="a key of the gateway's")) as url, _opened(browser, url) as phone:
        phone.expected.add("401")
        yield phone


@pytest.fixture
def number() -> str:
    """Nobody's yet."""
    return f"+22507070{next(NUMBERS)}"


@contextmanager
def _opened(browser: Browser, url: str, **how: Any) -> Iterator[Phone]:
    context = browser.new_context(**how)
    context.set_default_timeout(10_000)
    phone = Phone(context.new_page(), url, f"+22507070{next(NUMBERS)}")
    phone.open()
    yield phone
    context.close()
    phone.assert_well_behaved()


@pytest.fixture
def known_house() -> House:
    """An installation with somebody to send money to, a service and a merchant."""
    house = build()
    house.app.extensions["waiting"] = WaitingRoom(1, lambda _: None)  # nobody looks anything up
    kofi = house.person("kofi", msisdn="+2250707000002")
    Catalogue(house.store, house.clock).create("Parking permit", 500, "XOF")
    Merchants(house.store, house.clock).create("The corner shop", kofi.id, lambda: "123456")
    return house


@pytest.fixture
def housed_phone(browser: Browser, known_house: House) -> Iterator[Phone]:
    """A phone at that installation."""
    with served(known_house) as url, _opened(browser, url) as phone:
        yield phone
