"""A page that plays a phone, and what the browser says of it; and an API to dial at."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread

from playwright.sync_api import ConsoleMessage, Page, Request, expect
from werkzeug.serving import make_server

from tests.api.kit import House

GATEWAY = "**/ussd/"
"""Where the page sends what is typed, as Playwright matches it."""
VIOLATIONS = "addEventListener('securitypolicyviolation', event => console.error('CSP ' + event.violatedDirective))"


@dataclass
class Phone:
    """expected: words of errors in the console that are there on purpose."""

    page: Page
    url: str
    number: str
    expected: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", self._requested)
        self.page.add_init_script(VIOLATIONS)

    def open(self) -> None:
        self.page.goto(f"{self.url}/ussd/phone")
        self.page.get_by_label("Your number").fill(self.number)

    def dial(self) -> None:
        self.key("Dial")
        self.shows("On a call")

    def key(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def answer(self, keys: str) -> None:
        """Pressed on the keys of the phone, and sent."""
        for key in keys:
            self.key(key)
        self.key("Send")

    def register(self, pin: str = "2589") -> None:
        self.dial()
        for keys in ("2", pin, pin):
            self.answer(keys)
            self.taken()
        self.shows("8 My account")

    def taken(self) -> None:
        """Waits until what was sent is answered."""
        expect(self.page.get_by_label("Answer")).to_have_value("")
        expect(self.page.locator("#state")).not_to_have_text("One moment…")

    def shows(self, text: str) -> None:
        expect(self.page.locator("#screen")).to_contain_text(text)

    def warns(self, text: str) -> None:
        expect(self.page.get_by_role("alert")).to_contain_text(text)

    @property
    def message(self) -> str:
        return self.page.locator("#message").inner_text()

    @property
    def sent(self) -> list[dict[str, str]]:
        """What went to the gateway's route."""
        return [json.loads(request.post_data or "") for request in self.requests if request.method == "POST"]

    def assert_well_behaved(self) -> None:
        """Nothing in the console that is not expected, and nothing asked of anybody else."""
        assert [error for error in self.errors if not any(word in error for word in self.expected)] == []
        assert [request.url for request in self.requests if not request.url.startswith(f"{self.url}/ussd/")] == []

    def _requested(self, request: Request) -> None:
        self.requests.append(request)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(message.text)


@contextmanager
def served(house: House) -> Iterator[str]:
    """The URL of the app of the test itself, on a port of its own."""
    server = make_server("127.0.0.1", 0, house.app, threaded=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        house.store.close()
