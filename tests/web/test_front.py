"""The front door, and what every page has in common."""

import gzip
import re
from hashlib import sha256

import pytest

from core.notices.languages import LANGUAGES
from core.operators import only_operator
from tests.web.kit import BROWSER, with_pages
from web.assets import STATIC


def test_the_front_page_leads_on() -> None:
    _, browser = with_pages()
    page = browser.get("/", headers=BROWSER)
    assert page.status_code == 200
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'")
    links = re.findall(r'href="(/[^"?]*)"', page.text)
    assert {"/docs", "/ussd/phone"} <= set(links)
    for link in set(links) - {"/docs"}:  # which redirects
        with browser.get(link, follow_redirects=True) as answer:
            assert answer.status_code == 200, link


def test_the_sandbox_is_at_the_root_of_its_host() -> None:
    table = only_operator("http://127.0.0.1:8090/operator", 1, 15, 30)
    _, browser = with_pages(operators=table)
    assert 'href="http://127.0.0.1:8090/"' in browser.get("/").text


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_language_is_kept_once_chosen(code: str) -> None:
    _, browser = with_pages()
    assert f'<html lang="{code}">' in browser.get(f"/?lang={code}").text
    assert f'<html lang="{code}">' in browser.get("/").text


def test_a_page_speaks_the_language_of_the_browser_and_else_french() -> None:
    _, browser = with_pages()
    assert '<html lang="ru">' in browser.get("/", headers={"Accept-Language": "ru-RU, en;q=0.5"}).text
    assert '<html lang="fr">' in browser.get("/", headers={"Accept-Language": "de"}).text
    assert '<html lang="fr">' in browser.get("/?lang=../../etc").text


def test_browsers_get_a_page_for_an_error_and_programs_the_problem() -> None:
    _, browser = with_pages()
    shown = browser.get("/amendes/payments/nothing", headers=BROWSER)
    problem = browser.get("/amendes/payments/nothing")
    assert (shown.status_code, shown.mimetype) == (404, "text/html")
    assert (problem.status_code, problem.mimetype) == (404, "application/problem+json")
    assert problem.get_json()["detail"] in shown.text
    assert "style-src 'self'" in shown.headers["Content-Security-Policy"]
    asked = browser.post("/amendes/payments/", json={}, headers=BROWSER)
    assert (asked.status_code, asked.mimetype) == (422, "application/problem+json")  # a program sends JSON


def test_what_a_stranger_wrote_is_shown_as_text() -> None:
    _, browser = with_pages()
    shown = browser.get("/amendes/payments/?%3Cscript%3Ealert(1)%3C/script%3E=1", headers=BROWSER)
    assert "<script>alert" not in shown.text


def test_files_are_packed_and_kept() -> None:
    _, browser = with_pages()
    path = next(re.finditer(r'href="(/static/[^"]*css)"', browser.get("/").text))[1]
    packed = browser.get(path, headers={"Accept-Encoding": "gzip"})
    plain = browser.get(path)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert "immutable" in plain.headers["Cache-Control"]
    assert browser.get(path.replace("/static/", "/static/0")).status_code == 404
    assert browser.get("/static/0/../../app.py").status_code == 404


@pytest.mark.parametrize("path", ["/robots.txt", "/llms.txt", "/favicon.ico"])
def test_what_machines_look_for_is_there(path: str) -> None:
    _, browser = with_pages()
    assert browser.get(path, follow_redirects=True).status_code == 200


def test_files_of_others_are_as_they_published_them() -> None:
    listed = dict(re.findall(r"^\| `(\S+)` .* `([0-9a-f]{64})` \|$", (STATIC / "README.md").read_text(), re.MULTILINE))
    assert listed.keys() == {path.name for path in STATIC.glob("*.min.*")}
    for name, digest in listed.items():
        assert sha256((STATIC / name).read_bytes()).hexdigest() == digest
