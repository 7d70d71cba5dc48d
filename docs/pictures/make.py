"""Makes the pictures of the README from the running program: `.venv/bin/python -m docs.pictures.make`.

Needs what `make .venv/installed-dev` installs, and Chromium.
"""

import re
import shutil
import tempfile
from pathlib import Path
from unittest.mock import patch

from playwright.sync_api import Page, expect, sync_playwright
from rich.console import Console

from devtools.stack import Stack
from ops.demo import demo

FOLDER = Path(__file__).parent
COLUMNS = 100
NUMBER = "+2250707000101"
KEYS = ("2", "2589", "2589")
"""English, a PIN, and the PIN again: somebody new then sees the main menu."""


def main() -> None:
    """Writes demo.svg and phone.png beside this file."""
    picture_demo(FOLDER / "demo.svg")
    picture_phone(FOLDER / "phone.png")


def picture_demo(path: Path) -> None:
    """Runs the demo and saves what it prints as SVG."""
    console = Console(record=True, width=COLUMNS, force_terminal=False)
    with patch("ops.demo.Console", return_value=console):
        demo.main([], prog_name="demo", standalone_mode=False)
    svg = console.export_svg(title="make demo", unique_id="demo")
    # Fonts are not fetched from elsewhere: each reader's own fixed-width font does.
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    path.write_text(svg.replace("Fira Code, monospace", "monospace"))


def picture_phone(path: Path) -> None:
    """Registers on the phone in the browser and saves the page as PNG."""
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder)) as stack, sync_playwright() as playwright:
        stack.start(["api"])
        program = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 400, "height": 800}, device_scale_factor=1.2)
        page.goto(f"{stack.api}/ussd/phone")
        _register(page)
        page.screenshot(path=path)
        browser.close()


def _register(page: Page) -> None:
    page.get_by_label("Your number").fill(NUMBER)
    page.get_by_role("button", name="Dial", exact=True).click()
    expect(page.locator("#state")).to_have_text("On a call")
    for keys in KEYS:
        page.get_by_label("Answer").fill(keys)
        page.get_by_role("button", name="Send", exact=True).click()
        expect(page.get_by_label("Answer")).to_have_value("")
        expect(page.locator("#state")).not_to_have_text("One moment…")
    expect(page.locator("#screen")).to_contain_text("8 My account")


if __name__ == "__main__":
    main()
