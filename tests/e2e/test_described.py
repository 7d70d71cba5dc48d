"""The API does what its description says, whoever calls: Schemathesis asks it."""

from pathlib import Path

import pytest

from devtools.described import call_everything

EXAMPLES = 4
LIMITS = {"admin", "gateway"}
"""Who also tries the limits of every field: together they may call every route."""
OWN = {
    "anonymous": {"POST /amendes/payments", "GET /v1/services/list"},
    "person": {"GET /v1/wallets/me", "GET /v1/payments/{payment_id}", "GET /v1/wallets/top-up/{id}"},
    "operator": {"GET /amendes/payments", "GET /v1/operations/{id}"},
    "admin": {"POST /v1/services/create", "POST /v1/merchants"},
    "admin token": {"POST /v1/services/create", "GET /v1/operations/{id}"},
    "API key": {"POST /v1/payouts", "POST /v1/payers", "GET /consultations/{id}"},
    "gateway": {"POST /ussd", "POST /ussd/africastalking", "POST /ussd/hubtel", "POST /ussd/nalo"},
}
"""Of each caller, some operations that answer it by a 2xx: it is who it says."""


@pytest.mark.slow
@pytest.mark.timeout(900)  # a minute and a half, on a machine with nothing else to do
def test_every_caller_gets_what_the_description_says(tmp_path: Path) -> None:
    # Given a stack with something to find, and one caller after the other
    met = set()
    for outcome in call_everything(tmp_path, EXAMPLES, seed=1, limits=LIMITS):
        # I expect no answer that the description does not allow, to requests valid and not
        assert outcome.held, outcome.printed
        # And that the calls of each have reached what it may do
        assert {name for name in OWN[outcome.caller] if not outcome.accepted.get(name)} == set()
        met.add(outcome.caller)

    assert met == set(OWN)
