"""The environment: its defaults, and all that is wrong with it at once."""

from pathlib import Path

import pytest

from mock_api.settings import BadSettings, read_settings


def test_defaults() -> None:
    settings = read_settings({})
    assert (settings.host, settings.port, settings.var_dir) == ("127.0.0.1", 8090, Path("var"))
    assert (settings.latency_max_s, settings.timeout_rate) == (10, 0.1)
    assert (settings.late_max_s, settings.pending_s) == (10, 20)
    assert (settings.approval_s, settings.auto_approve, settings.token_s) == (2, True, 3600)
    assert (settings.expiry_s, settings.callback_fault_rate) == (None, 0)
    assert settings.seed != read_settings({}).seed


def test_values_are_read() -> None:
    environ = {"MOCK_PORT": "9000", "MOCK_HOST": "0.0.0.0", "MOCK_LATENCY_MAX_S": "0", "MOCK_TIMEOUT_RATE": ".5"}
    environ |= {"MOCK_PENDING_S": "2.5", "MOCK_LATE_MAX_S": "3", "MOCK_SEED": "x", "VAR_DIR": "/tmp/x"}
    settings = read_settings(environ)
    assert (settings.port, settings.host, settings.latency_max_s) == (9000, "0.0.0.0", 0)
    assert (settings.timeout_rate, settings.pending_s, settings.late_max_s) == (0.5, 2.5, 3)
    assert (settings.seed, settings.var_dir) == ("x", Path("/tmp/x"))


def test_values_of_the_dialects_are_read() -> None:
    environ = {"MOCK_APPROVAL_S": "0.5", "MOCK_AUTO_APPROVE": "0", "MOCK_EXPIRY_S": "9", "MOCK_TOKEN_S": "60"}
    environ |= {"MOCK_CALLBACK_FAULT_RATE": "0.25", "MOCK_WAVE_WEBHOOK_URL": "http://127.0.0.1:1/w"}
    settings = read_settings(environ)
    assert (settings.approval_s, settings.auto_approve, settings.expiry_s, settings.token_s) == (0.5, False, 9, 60)
    assert (settings.callback_fault_rate, settings.wave_webhook_url) == (0.25, "http://127.0.0.1:1/w")


def test_an_empty_variable_is_an_absent_one() -> None:
    assert read_settings({"MOCK_PORT": " "}).port == 8090


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MOCK_PORT", "0"),
        ("MOCK_PORT", "65536"),
        ("MOCK_PORT", "eighty"),
        ("MOCK_LATENCY_MAX_S", "-1"),
        ("MOCK_LATENCY_MAX_S", "nan"),
        ("MOCK_LATENCY_MAX_S", "inf"),
        ("MOCK_TIMEOUT_RATE", "1.1"),
        ("MOCK_PENDING_S", "soon"),
        ("MOCK_LATE_MAX_S", "1e9"),
        ("MOCK_AUTO_APPROVE", "yes"),
        ("MOCK_AIRTEL_CALLBACK_URL", "ftp://x"),
    ],
)
def test_a_bad_value_is_named(variable: str, value: str) -> None:
    with pytest.raises(BadSettings, match=f"^{variable}='{value}' must be"):
        read_settings({variable: value})


def test_all_bad_values_are_named_at_once() -> None:
    with pytest.raises(BadSettings, match=r"MOCK_PORT=.*; MOCK_TIMEOUT_RATE="):
        read_settings({"MOCK_PORT": "x", "MOCK_TIMEOUT_RATE": "2"})
