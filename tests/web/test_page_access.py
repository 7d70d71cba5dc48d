"""The table of all pages, and who may open them."""

from core.identity.people import Role
from tests.api.kit import NO_ID, build
from tests.web.kit import with_pages
from tests.web.test_desk import sign_in

LOOK = "role operator, open on one machine without ADMIN_TOKEN"
PAGES = {
    "GET /": "anyone",
    "GET /favicon.ico": "anyone",
    "GET /robots.txt": "anyone",
    "GET /llms.txt": "anyone",
    "GET /static/<digest>/<name>": "anyone",
    "GET /pay": "anyone",
    "POST /pay": "anyone",
    "GET /pay/<link>": "anyone",
    "POST /pay/<link>": "anyone",
    "GET /pay/<link>/check": "anyone",
    "POST /pay/<link>/check": "anyone",
    "GET /payments/<link>": "anyone",
    "GET /desk/sign-in": "anyone",
    "POST /desk/sign-in": "anyone",
    "POST /desk/sign-out": "anyone",
    "GET /desk": LOOK,
    "GET /desk/operations": LOOK,
    "GET /desk/operations/<id>": LOOK,
    "GET /desk/review": LOOK,
    "GET /desk/webhooks": LOOK,
    "POST /desk/operations/<id>/decision": "role operator",
    "POST /desk/decisions/<id>/<answer>": "role operator",
}


def test_the_table_is_complete() -> None:
    _, browser = with_pages()
    ours = browser.application.extensions["access"].items() - build().app.extensions["access"].items()
    assert dict(ours) == PAGES


def test_pages_of_a_role_are_for_nobody_else() -> None:
    house, browser = with_pages()
    house.person("awa", Role.USER)
    assert sign_in(browser, "awa") == 303
    for route, access in PAGES.items():
        method, path = route.split()
        if method == "GET" and access != "anyone":
            assert browser.get(path.replace("<id>", NO_ID)).status_code == 403, route
