"""The phone's page as it is served: its files, its policy, and where it is not."""

import pytest

from tests.api.kit import assert_problem, build

FILES = {"": "text/html", "/phone.css": "text/css", "/phone.js": "text/javascript", "/phone.svg": "image/svg+xml"}


@pytest.mark.parametrize("path", FILES)
def test_its_files_are_served_under_a_strict_policy(path: str) -> None:
    with build().http.get(f"/ussd/phone{path}") as answer:  # it holds an open file
        assert (answer.status_code, answer.mimetype) == (200, FILES[path])
        assert answer.data
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert {policy[name] for name in policy} == {"'none'", "'self'"}
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("name", ["phone.html", "x", "..", "../phone.py", "..%2fphone.py", "%2e%2e%2fphone.py"])
def test_no_other_file_is(name: str) -> None:
    assert_problem(build().http.get(f"/ussd/phone/{name}"), 404, "not_found")


@pytest.mark.parametrize("path", FILES)
def test_elsewhere_than_on_the_embedded_default_there_is_no_phone(path: str) -> None:
    house = build(store_url="mongodb://x", ussd_key="a key")

    assert_problem(house.http.get(f"/ussd/phone{path}"), 404, "not_found")


def test_it_is_not_for_writing() -> None:
    assert_problem(build().http.post("/ussd/phone"), 405, "method_not_allowed")
