"""What the command asks for before it calls anybody."""

import pytest
from click.testing import CliRunner, Result
from pytest_httpserver import HTTPServer

from ops.commands import cli
from ops.partner import command
from ops.partner.check import Report
from ops.partner.subject import Row, Subject, Verdict

PHONE = "+2250707000001"


@pytest.fixture(autouse=True)
def operators(monkeypatch: pytest.MonkeyPatch, httpserver: HTTPServer) -> None:
    """One operator of each of two sorts; there is no record of the sandbox at their URL."""
    monkeypatch.setenv("OPERATORS", "city,lake")
    monkeypatch.setenv("CITY_DIALECT", "generic")
    monkeypatch.setenv("CITY_URL", httpserver.url_for("/city"))
    monkeypatch.setenv("LAKE_DIALECT", "generic")
    monkeypatch.setenv("LAKE_URL", httpserver.url_for("/lake"))
    monkeypatch.setenv("LAKE_CURRENCY", "KES,USD")


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[Subject]:
    """The subjects that are checked; nothing is called."""
    seen: list[Subject] = []

    def check(subject: Subject) -> Report:
        seen.append(subject)
        return Report((Row("debit", "", Verdict.UNSAFE if subject.operator.name == "lake" else Verdict.CAREFUL),))

    monkeypatch.setattr(command, "check", check)
    return seen


def run(*arguments: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["partner", "check", *arguments], input=typed)


def test_a_phone_is_needed_where_money_may_be_real(checked: list[Subject]) -> None:
    done = run("city", "--yes")

    assert done.exit_code == 2
    assert "--phone is needed" in done.output
    assert checked == []


def test_at_the_sandbox_on_this_machine_a_phone_of_the_market_is_debited(
    checked: list[Subject], httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/_truth").respond_with_json({"debits": [], "cursor": 0})

    assert run("city", "--yes").exit_code == 0

    assert (checked[0].phone, checked[0].currency, checked[0].minor) == ("+2250707000011", "XOF", 100)
    assert checked[0].record() == {"debits": [], "cursor": 0}


def test_nothing_is_called_without_consent(checked: list[Subject]) -> None:
    done = run("city", "--phone", PHONE, typed="n\n")

    assert done.exit_code == 1
    assert f"This may debit 100 XOF from {PHONE} up to 5 times" in done.stderr
    assert checked == []


def test_with_consent_the_operator_is_checked(checked: list[Subject]) -> None:
    assert run("city", "--phone", "+225 07 07 00 00 01", "--longest-s", "5", typed="y\n").exit_code == 0

    assert (checked[0].phone, checked[0].longest_s) == (PHONE, 5)


def test_the_currency_is_the_operators_first_and_the_amount_small(checked: list[Subject]) -> None:
    done = run("lake", "--phone", PHONE, "--yes")

    assert done.exit_code == 1  # it is unsafe
    assert (checked[0].currency, checked[0].minor) == ("KES", 100)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nobody", "--phone", PHONE), "Known: city, lake"),
        (("city", "--phone", "0707"), "a phone in E.164"),
        (("city", "--phone", PHONE, "--currency", "ABC"), "not an ISO 4217 currency"),
        (("city", "--phone", PHONE, "--amount", "0.5"), "no amount in XOF"),
        (("city", "--phone", PHONE, "--amount", "much"), "no amount in XOF"),
        (("city", "--phone", PHONE, "--longest-s", "0"), "--longest-s"),
    ],
)
def test_a_wrong_argument_is_refused(checked: list[Subject], arguments: tuple[str, ...], said: str) -> None:
    done = run(*arguments, "--yes")

    assert done.exit_code == 2
    assert said in done.output
    assert checked == []


def test_wrong_settings_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITY_URL", "nowhere")

    done = run("city", "--phone", PHONE)

    assert done.exit_code == 1
    assert "CITY_URL" in done.output
