"""The pages in a real browser: who can use them, how they look on a narrow screen, and what they load."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from playwright.sync_api import Browser, Page

from core.identity.people import Role
from products.webhooks.endpoints import Endpoints
from products.webhooks.off import Why
from tests.api.kit import PASSWORD, House, build
from tests.api.test_decisions import stuck
from tests.ussd_phone.kit import VIOLATIONS, served
from tests.web.test_pay import answer
from web.app import create_app

WIDTHS = (320, 1280)
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
MOST_BYTES = 60_000
"""The most that one page may transfer."""


@pytest.fixture(scope="module")
def house() -> House:
    """With something on every screen."""
    house = build()
    house.__dict__["app"] = create_app(house.core)
    house.person("ann", Role.OPERATOR)
    endpoints = Endpoints(house.store, house.clock)
    endpoints.switch_off(endpoints.create("shop", "https://shop.example/hook", ["*"]).id, Why.FAILING.value)
    return house


@pytest.fixture(scope="module")
def url(house: House) -> Iterator[str]:
    with served(house) as url:
        yield url


def look_at(page: Page, width: int) -> None:
    """Nothing keeps anybody out of the page, it fits, and it is small."""
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, f"{page.url}: {found.generate_report()}"
    assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url
    sizes = page.evaluate("performance.getEntries().map(each => each.transferSize || 0)")
    assert sum(sizes) < MOST_BYTES, page.url


def sign_in(page: Page, url: str) -> None:
    page.goto(f"{url}/desk/sign-in?lang=en")
    page.get_by_label("Username").fill("ann")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{url}/desk")


@pytest.mark.parametrize(("width", "language", "scheme"), [(320, "ru", "dark"), (1280, "fr", "light")])
def test_everybody_can_use_every_page(
    browser: Browser, house: House, url: str, width: int, language: str, scheme: str
) -> None:
    id = stuck(house)
    size = {"width": width, "height": 800}
    context = browser.new_context(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
    page, said, asked = context.new_page(), [], []
    page.add_init_script(VIOLATIONS)
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    sign_in(page, url)
    paths = ("/", "/desk/sign-in", "/desk", "/desk/operations", f"/desk/operations/{id}", "/desk/review")
    for path in (*paths, "/desk/webhooks", "/pay"):
        page.goto(f"{url}{path}?lang={language}")
        look_at(page, width)
    page.locator("input[value=plate]").check()
    page.locator("#typed").fill(f"AB {width} CD")
    page.locator("form button").click()
    page.locator("[aria-busy]").wait_for()
    look_at(page, width)
    answer(house)
    page.reload()
    page.locator("#phone").fill("12")
    page.locator("form button").click()
    page.get_by_role("alert").wait_for()
    look_at(page, width)
    page.locator("#phone").fill(f"+22507070{width:05d}")
    page.locator("form button").click()
    page.wait_for_url("**/check")
    look_at(page, width)
    page.locator("form button").click()
    page.wait_for_url("**/payments/*")
    look_at(page, width)
    assert [text for text in said if "422" not in text] == []
    assert {request for request in asked if not request.startswith(url)} == set()
    context.close()


def test_a_stuck_payment_is_decided_by_the_keyboard_alone(browser: Browser, house: House, url: str) -> None:
    id = stuck(house)
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, url)

    page.goto(f"{url}/desk/operations?q={id[-8:]}")
    page.get_by_role("link", name=id[-8:]).focus()
    page.keyboard.press("Enter")
    page.get_by_label("It happened: go on").focus()
    page.keyboard.press("Space")
    page.get_by_label("Reason: where you have seen it").focus()
    page.keyboard.type("on the operator's statement")
    page.keyboard.press("Enter")

    page.get_by_text("Decided.").wait_for()
    assert house.store.find("operations", {"kind": "decision", "subject": id})
    context.close()
