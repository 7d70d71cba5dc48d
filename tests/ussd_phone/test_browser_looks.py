"""How the phone's page looks, to eyes and to screen readers, and what it does not let in."""

import re

import pytest
from playwright.sync_api import expect

from tests.ussd_phone.kit import GATEWAY, Phone

pytestmark = pytest.mark.xdist_group("browser")


def test_screen_readers_announce_the_place_and_what_happens(phone: Phone) -> None:
    page = phone.page
    assert page.locator("#screen").get_attribute("aria-live") == "polite"
    for name in ["Dial", "Send", "Delete", "Hang up", *"0123456789", "star", "hash"]:
        expect(page.get_by_role("button", name=name, exact=True)).to_have_count(1)

    # I expect the focus to be seen wherever it comes
    phone.dial()
    for _ in range(4):
        page.keyboard.press("Tab")
        seen = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert seen == "solid", page.evaluate("document.activeElement.outerHTML")


def test_what_is_shown_is_text_and_never_runs(phone: Phone) -> None:
    text = "<img src=x onerror=alert(1)> & <b>bold</b>"
    phone.page.route(GATEWAY, lambda route: route.fulfill(json={"message": text, "command": "END"}))
    phone.key("Dial")

    phone.shows("Call ended")
    assert phone.message == text


def test_a_script_that_is_not_the_pages_own_is_refused_and_seen(phone: Phone) -> None:
    phone.expected |= {"CSP", "Content Security Policy"}

    phone.page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = 1'}))"
    )
    phone.page.evaluate("fetch('http://127.0.0.1:9/').catch(() => 0)")

    assert phone.page.evaluate("window.ran") is None
    assert {error for error in phone.errors if error.startswith("CSP")} == {"CSP script-src-elem", "CSP connect-src"}


def test_where_a_key_is_needed_the_page_says_so(locked_phone: Phone) -> None:
    locked_phone.key("Dial")

    locked_phone.warns("X-Gateway-Key")
    locked_phone.warns(".venv/bin/quittance ussd")


def test_on_a_small_screen_everything_is_there(small_phone: Phone) -> None:
    page = small_phone.page
    small_phone.register()

    # I expect nothing to be cut off or covered, and keys as large as a thumb
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.evaluate("(screen => screen.scrollHeight <= screen.clientHeight)(document.querySelector('#screen'))")
    for button in page.get_by_role("button").all():
        box = button.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
        assert box["y"] + box["height"] <= 740
        assert min(box["width"], box["height"]) >= 44


def test_texts_stand_out_from_their_ground(phone: Phone) -> None:
    # Given the colours as the style sheet names them
    def light(name: str) -> float:
        value = f"getComputedStyle(document.documentElement).getPropertyValue('--{name}')"
        colour = phone.page.evaluate(value).strip()
        channels = [int(part, 16) / 255 for part in re.findall("..", colour.removeprefix("#"))]
        red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    # I expect the contrast that WCAG 2 asks for, by day and by night
    pairs = [("glass-ink", "glass"), ("glass-soft", "glass-low"), ("alarm", "glass-low"), ("key-ink", "key")]
    grounds: set[float] = set()
    for scheme in ("light", "dark"):
        phone.page.emulate_media(color_scheme=scheme)
        grounds.add(light("room"))
        for ink, ground in [*pairs, ("key-ink", "go"), ("key-ink", "stop"), ("ink", "room"), ("ink", "room-far")]:
            low, high = sorted((light(ink), light(ground)))
            assert (high + 0.05) / (low + 0.05) >= 4.5, (scheme, ink, ground)
    assert len(grounds) == 2
