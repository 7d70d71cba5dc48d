"""The screening services: their verdicts, their failures, and the names that are sure to meet either."""

import pytest

from mock_api.chance import Chance
from mock_api.settings import read_settings
from tests.answers import Answer
from tests.sandbox import Sandbox

SERVICES = ["/screening/api/verify", "/blacklist/api/blacklist/check"]
VERIFY, BLACKLIST = SERVICES
both = pytest.mark.parametrize("service", SERVICES)


def check(sandbox: Sandbox, service: str, username: str, request_id: str = "c1") -> Answer:
    return sandbox.post(service, {"request_id": request_id, "username": username})


def failed(sandbox: Sandbox, service: str, names: int = 2000) -> dict[int, int]:
    """Which of so many names are answered no verdict, and what instead."""
    statuses = {n: check(sandbox, service, f"ama-{n}").status_code for n in range(names)}
    return {n: status for n, status in statuses.items() if status != 200}


@pytest.fixture
def certain(sandbox: Sandbox) -> Sandbox:
    """A sandbox whose screening never fails by chance."""
    sandbox.start(verify_fail_rate=0.0, blacklist_fail_rate=0.0)
    return sandbox


@pytest.mark.parametrize(
    ("username", "verdict", "listing"),
    [
        ("ama", "verified", "clear"),
        ("Amélie O'Neill", "verified", "clear"),
        ("verified-1", "verified", "clear"),
        ("clear-1", "verified", "clear"),
        ("rejected-1", "rejected", "clear"),
        ("listed-1", "verified", "listed"),
        ("not-rejected", "verified", "clear"),
    ],
)
def test_verdicts(certain: Sandbox, username: str, verdict: str, listing: str) -> None:
    answered = [check(certain, service, username) for service in (*SERVICES, "/api/verify", "/api/blacklist/check")]
    assert [(answer.status_code, answer.json) for answer in answered] == [
        (200, {"result": result}) for result in (verdict, listing) * 2
    ]


@both
@pytest.mark.parametrize("username", ["verified-1", "clear-1", "rejected-1", "listed-1"])
def test_magic_names_are_spared_by_chance(sandbox: Sandbox, service: str, username: str) -> None:
    sandbox.start(verify_fail_rate=1.0, blacklist_fail_rate=1.0, timeout_rate=1.0)
    assert check(sandbox, service, username).status_code == 200
    assert check(sandbox, service, "ama").status_code == 504
    sandbox.start(verify_fail_rate=1.0, blacklist_fail_rate=1.0, timeout_rate=0.0)
    assert check(sandbox, service, "ama").status_code == 500


@both
def test_an_unchecked_name_never_gets_a_verdict(certain: Sandbox, service: str) -> None:
    answers = [check(certain, service, "unchecked-1", f"c{n}") for n in range(20)]
    assert {answer.status_code for answer in answers} == {500}
    assert answers[0].json.keys() == {"error"}


def test_a_flaky_name_is_failed_twice_by_each_service(certain: Sandbox) -> None:
    for username in ("flaky-1", "flaky-2"):
        for service in SERVICES:
            statuses = [check(certain, service, username, f"c{n}").status_code for n in range(4)]
            assert statuses == [500, 500, 200, 200]


@pytest.mark.parametrize("timeout_rate", [0.1, 1.0])
@pytest.mark.parametrize(("service", "least", "most"), [(VERIFY, 160, 240), (BLACKLIST, 440, 560)])
def test_a_share_of_the_calls_fails_with_timeouts_included(
    sandbox: Sandbox, service: str, least: int, most: int, timeout_rate: float
) -> None:
    sandbox.start(timeout_rate=timeout_rate)
    assert least < len(failed(sandbox, service)) < most


@both
def test_which_calls_fail_does_not_depend_on_timeouts(sandbox: Sandbox, service: str) -> None:
    without = failed(sandbox, service)
    sandbox.post("/_reset", None)
    sandbox.start(timeout_rate=0.5)

    answered = failed(sandbox, service)
    assert answered.keys() == without.keys()
    assert set(without.values()) == {500}
    share = list(answered.values()).count(504) / len(answered)
    assert share == pytest.approx(0.5, abs=0.1)


@both
def test_a_screening_that_never_fails_never_times_out(certain: Sandbox, service: str) -> None:
    certain.start(timeout_rate=1.0)
    assert failed(certain, service, names=200) == {}


def test_a_seed_repeats_the_failures_and_another_does_not(sandbox: Sandbox) -> None:
    first = failed(sandbox, BLACKLIST)
    again = failed(sandbox, BLACKLIST)
    assert again != first, "the second call about a name has a fate of its own"

    sandbox.post("/_reset", None)
    assert failed(sandbox, BLACKLIST) == first
    sandbox.post("/_reset", None)
    sandbox.start(seed="two")
    assert failed(sandbox, BLACKLIST) != first


def test_the_shares_are_set_by_the_environment() -> None:
    usual, chosen = read_settings({}), read_settings({"MOCK_VERIFY_FAIL_RATE": "0", "MOCK_BLACKLIST_FAIL_RATE": ".5"})
    assert (usual.verify_fail_rate, usual.blacklist_fail_rate) == (0.1, 0.25)
    assert (chosen.verify_fail_rate, chosen.blacklist_fail_rate) == (0, 0.5)
    with pytest.raises(ValueError, match=r"MOCK_VERIFY_FAIL_RATE=.*; MOCK_BLACKLIST_FAIL_RATE="):
        read_settings({"MOCK_VERIFY_FAIL_RATE": "-1", "MOCK_BLACKLIST_FAIL_RATE": "2"})


def test_the_fates_of_other_calls_are_what_they_were() -> None:
    chance = Chance("one", 10, 0.5, 8, {"verify": 1.0})
    fate = chance.draw("debit", "d1", 1)
    assert (fate.answer, fate.latency_s, fate.late_s) == ("504-done", 0.8008762372051559, 2.9686245640335676)
    assert chance.draw("fine", "AM-2026-000123", 3) == Chance("one", 10, 0.5, 8).draw("fine", "AM-2026-000123", 3)


@both
def test_a_check_takes_its_time_and_does_nothing(certain: Sandbox, service: str) -> None:
    certain.start(latency_max_s=10.0)
    for _ in range(3):
        assert check(certain, service, "ama").status_code == 200
    assert len(set(certain.slept)) == 3
    assert all(0 < seconds < 10 for seconds in certain.slept)

    truth = certain.truth()
    assert list(truth.pop("calls").values()) == [3]
    assert [name for name, effects in truth.items() if effects] == []
    assert certain.ask("c1", "") == (404, None)


@both
@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {"request_id": "c1"},
        {"username": "ama"},
        {"request_id": "", "username": "ama"},
        {"request_id": "c1", "username": ""},
        {"request_id": "c1", "username": 7},
        {"request_id": "c1", "username": "x" * 201},
        {"request_id": "c1", "username": "\ud800"},
        {"request_id": "c1", "username": "ama", "more": "x"},
    ],
)
def test_a_form_that_is_none_is_refused(certain: Sandbox, service: str, body: object) -> None:
    answer = certain.post(service, body)
    assert (answer.status_code, list(answer.json)) == (400, ["error"])


@pytest.mark.parametrize(("call", "service"), [("verify", VERIFY), ("blacklist", BLACKLIST)])
def test_a_scripted_fault_of_a_screening_is_played(certain: Sandbox, call: str, service: str) -> None:
    other = BLACKLIST if service == VERIFY else VERIFY
    certain.script(
        {"call": call, "match": "ama", "answer": "503", "retry_after": 7},
        {"call": call, "match": "c2", "answer": "504-lost"},
        {"call": call, "match": "unchecked", "answer": "ok"},
        {"call": call, "match": "kofi", "answer": "html"},
    )
    assert check(certain, other, "ama").status_code == 200
    refused = check(certain, service, "ama")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "7")
    assert check(certain, service, "esi", "c2").status_code == 504
    assert check(certain, service, "unchecked-1").status_code == 200
    assert check(certain, service, "kofi").mimetype == "text/html"
    assert certain.get("/_faults").json == {"faults": []}


@pytest.mark.parametrize("call", ["verify", "blacklist"])
@pytest.mark.parametrize(
    "answer", [{"answer": "pending"}, {"answer": "failed", "reason": "WHY"}, {"answer": "wrong-id"}]
)
def test_a_screening_has_no_outcome_and_no_id(sandbox: Sandbox, call: str, answer: dict[str, str]) -> None:
    assert sandbox.post("/_faults", [{"call": call, **answer}]).status_code == 422
