"""What the table of dialects says that they do is what their adapters do."""

from typing import Any

import pytest

from core.dialects import DIALECTS, INITIATES, Way
from mock_api.dialects.airtel_pin import PUBLIC_KEY
from tests.worker.operators.kit import connect, demand
from worker.partners.port import Declined

ALL: dict[str, Any] = {"PIN": "1234", "PUBLIC_KEY": PUBLIC_KEY, **dict.fromkeys(INITIATES, "x")}


@pytest.mark.parametrize("given", [{}, ALL], ids=["no options", "all options"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_adapter_offers_what_the_table_says(dialect: str, given: dict[str, Any]) -> None:
    adapter, known = connect(dialect, "http://operator.invalid", **given), DIALECTS[dialect]
    options = {**known.options, **given}

    assert (adapter.refunds is not None) == bool(known.refunds and known.refunds.holds(options))
    assert (adapter.payouts is not None) == bool(known.payouts and known.payouts.holds(options))


@pytest.mark.parametrize("dialect", [name for name, known in DIALECTS.items() if known.refunds])
def test_a_part_is_refunded_where_the_table_says_so(dialect: str) -> None:
    adapter = connect(dialect, "http://127.0.0.1:9", **ALL)
    debit = demand("+225070700001", 1000, "XOF")

    reply = adapter.refunds.submit(demand("+225070700001", 500, "XOF", step="refund", debit=debit))

    refunds = DIALECTS[dialect].refunds
    assert refunds
    # Of GSMA, the refusal is for the missing receipt, which a whole refund needs too.
    assert (reply == Declined("refund_by_hand")) == (refunds.whole_only or dialect == "gsma")


@pytest.mark.parametrize(
    ("dialect", "options", "whole", "way"),
    [
        ("generic", {}, False, Way.REFUND),
        ("airtel", {}, True, Way.REFUND),
        ("airtel", {}, False, Way.BY_HAND),
        ("airtel", ALL, False, Way.PAYOUT),
        ("daraja", ALL, False, Way.PAYOUT),
        ("daraja", {}, True, Way.BY_HAND),
        ("mvola", {}, True, Way.BY_HAND),
    ],
    ids=str,
)
def test_money_goes_back_by_a_refund_or_else_by_a_payout(
    dialect: str, options: dict[str, str], whole: bool, way: Way
) -> None:
    assert DIALECTS[dialect].way_back(options, whole) is way
