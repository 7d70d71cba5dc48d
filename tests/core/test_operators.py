"""Which operators are configured, which mistakes are named, and who serves a phone."""

import pytest

from core.dialects import DIALECTS
from core.errors import InvalidField
from core.operators import ONLY, OperatorTable
from core.settings import BadSettings, Settings, read_settings

IVORIAN, CAMEROONIAN = "+2250507000001", "+237699000001"


def read(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return read_settings()


def table(monkeypatch: pytest.MonkeyPatch, **variables: str) -> OperatorTable:
    return read(monkeypatch, **variables).operators


def refusal(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    with pytest.raises(BadSettings) as caught:
        read(monkeypatch, **variables)
    return str(caught.value)


def test_without_operators_there_is_one_that_takes_every_phone(monkeypatch: pytest.MonkeyPatch) -> None:
    found = table(monkeypatch, OPERATOR_URL="https://operator.example")
    ((only,), default) = found.operators, found.default
    assert (only.name, only.dialect, only.url, default) == (ONLY, "generic", "https://operator.example", ONLY)
    assert found.route(CAMEROONIAN, "EUR") == ONLY


def test_every_dialect_can_be_tried_at_the_sandbox_by_its_name_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    found = table(monkeypatch, OPERATORS=",".join(DIALECTS), MOCK_PORT="8191")
    assert [operator.dialect for operator in found.operators] == [*DIALECTS]
    for operator in found.operators:
        folder = "operator" if operator.dialect == "generic" else operator.dialect
        assert operator.url == f"http://127.0.0.1:8191/{folder}"
        assert all(operator.options[name] for name in DIALECTS[operator.dialect].credentials)


def test_an_operator_is_configured_by_variables_of_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    own = {
        "MTN_CI_URL": "https://proxy.momoapi.mtn.com",
        "MTN_CI_USER": "u",
        "MTN_CI_KEY": "k",
        "MTN_CI_SUBSCRIPTION_KEY": "s",
        "MTN_CI_MARKET": "mtnivorycoast",
        "MTN_CI_CURRENCY": "XOF",
        "MTN_CI_PREFIXES": "+22505,+22504",
        "MTN_CI_CALLS": "7",
        "MTN_CI_TIMEOUT_S": "20",
        "MTN_CI_SETTLE_WINDOW_S": "60",
        "MTN_CI_CERTIFICATE": "client.pem",
    }
    (operator,) = table(monkeypatch, OPERATORS="mtn-ci", CALLBACK_HOST="https://pay.example/", **own).operators
    assert (operator.dialect, operator.currencies, operator.prefixes) == ("mtn", ("XOF",), ("+22505", "+22504"))
    assert operator.options["MARKET"] == "mtnivorycoast"
    assert (operator.calls, operator.timeout_s, operator.settle_window_s) == (7, 20, 60)
    assert (operator.callback_host, operator.certificate) == ("https://pay.example", "client.pem")


def test_a_credential_may_come_from_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    secret = tmp_path_factory.mktemp("secrets") / "key"
    secret.write_text("s3cret\n")
    (operator,) = table(
        monkeypatch, OPERATORS="gsma", GSMA_URL="https://gsma.example", GSMA_KEY_FILE=str(secret)
    ).operators
    assert operator.options["KEY"] == "s3cret"


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"OPERATORS": "wave", "WAVE_URL": "https://api.wave.com"}, ["WAVE_KEY"]),
        ({"OPERATORS": "mtn-ci", "MTN_CI_URL": "https://x"}, ["MTN_CI_USER", "MTN_CI_KEY", "MTN_CI_SUBSCRIPTION_KEY"]),
        ({"OPERATORS": "acme"}, ["ACME_DIALECT"]),
        ({"OPERATORS": "acme", "ACME_DIALECT": "morse"}, ["ACME_DIALECT", "generic, mtn"]),
        ({"OPERATORS": "mtn,mtn"}, ["OPERATORS: named twice: mtn"]),
        ({"OPERATORS": "MTN CI"}, ["OPERATORS: 'MTN CI' is no name"]),
        (
            {"OPERATORS": "mtn,wave", "MTN_PREFIXES": "+22505", "WAVE_PREFIXES": "+22507,+22505"},
            ["WAVE_PREFIXES: +22505"],
        ),
        ({"OPERATORS": "mtn", "MTN_PREFIXES": "05"}, ["MTN_PREFIXES: '05' is no beginning"]),
        ({"OPERATORS": "mtn", "MTN_CURRENCY": "EURO"}, ["MTN_CURRENCY: EURO"]),
        ({"OPERATORS": "mtn", "MTN_URL": "nowhere"}, ["MTN_URL"]),
        (
            {"OPERATORS": "mtn", "MTN_TIMEOUT_S": "20", "MTN_SETTLE_WINDOW_S": "19"},
            ["MTN_SETTLE_WINDOW_S: must be longer"],
        ),
        ({"OPERATORS": "mtn", "DEFAULT_OPERATOR": "wave"}, ["DEFAULT_OPERATOR: must be one of OPERATORS"]),
        ({"OPERATORS": "mtn", "CALLBACK_HOST": "pay.example"}, ["CALLBACK_HOST"]),
    ],
    ids=str,
)
def test_a_mistake_is_named(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], named: list[str]) -> None:
    message = refusal(monkeypatch, **variables)
    assert all(name in message for name in named), message


def test_all_mistakes_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    message = refusal(
        monkeypatch, OPERATORS="mtn-ci,wave", MTN_CI_URL="nowhere", WAVE_URL="https://api.wave.com", API_PORT="0"
    )
    assert all(name in message for name in ("MTN_CI_URL", "WAVE_KEY", "API_PORT"))


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> OperatorTable:
    return table(
        monkeypatch,
        OPERATORS="mtn-ci,mtn-premium,orange-cm,wave",
        MTN_CI_PREFIXES="+22505",
        MTN_CI_CURRENCY="XOF",
        MTN_PREMIUM_PREFIXES="+2250577",
        DEFAULT_OPERATOR="wave",
    )


@pytest.mark.parametrize(
    ("phone", "currency", "asked", "name"),
    [
        (IVORIAN, "XOF", None, "mtn-ci"),
        ("+2250577000001", "XOF", None, "mtn-premium"),
        (IVORIAN, "XOF", "wave", "wave"),
        (CAMEROONIAN, "XAF", None, "orange-cm"),  # by the carrier of its range
        ("+254708374149", "XOF", None, "wave"),  # the default
    ],
)
def test_a_phone_goes_to_the_operator_that_serves_it(
    three: OperatorTable, phone: str, currency: str, asked: str | None, name: str
) -> None:
    assert three.route(phone, currency, asked) == name


@pytest.mark.parametrize(
    ("phone", "currency", "asked", "field"),
    [(IVORIAN, "EUR", None, "currency"), (CAMEROONIAN, "XOF", None, "currency"), (IVORIAN, "XOF", "moov", "operator")],
)
def test_what_an_operator_cannot_move_is_refused_when_it_is_asked_for(
    three: OperatorTable, phone: str, currency: str, asked: str | None, field: str
) -> None:
    with pytest.raises(InvalidField) as caught:
        three.route(phone, currency, asked)
    assert caught.value.field == field


def test_a_phone_that_nobody_serves_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    two = table(monkeypatch, OPERATORS="mtn-ci,mtn-cm", MTN_CI_PREFIXES="+22505", MTN_CM_PREFIXES="+23767")
    with pytest.raises(InvalidField, match="No operator serves this number"):
        two.route("+254708374149", "KES")
