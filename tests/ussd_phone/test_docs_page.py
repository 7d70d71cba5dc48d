"""The page of the API's description, in a browser."""

from playwright.sync_api import Browser


def test_the_docs_work_under_their_policy(browser: Browser, api: str) -> None:
    page = browser.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    try:
        page.goto(f"{api}/docs/")
        page.get_by_text("/amendes/payments").first.wait_for()
        page.locator(".opblock-summary").first.click()
        page.locator(".opblock-body").first.wait_for()
    finally:
        page.close()
    assert said == []
