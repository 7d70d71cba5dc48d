"""What the proofs know of installed products: one scenario for each kind."""

from collections.abc import Callable

import click
import pytest
from click.testing import CliRunner

from proof.simulation.command import simulate
from proof.simulation.crashes_command import crashes

PROOFS = pytest.mark.parametrize("proof", [simulate, crashes])


@PROOFS
def test_two_scenarios_of_one_kind_are_refused_with_both_names(
    write: Callable[..., str], monkeypatch: pytest.MonkeyPatch, proof: click.Command
) -> None:
    names = [write(name, scenario="SCENARIOS = {'toll': None}") for name in ("toll_one", "toll_two")]
    monkeypatch.setenv("PRODUCTS", ",".join(names))
    done = CliRunner().invoke(proof, ["--product", "toll"])
    assert done.exit_code == 1
    assert "products 'toll_one' and 'toll_two' both declare a scenario of the kind 'toll'" in done.output


@PROOFS
def test_a_kind_without_a_scenario_is_named_with_those_that_have_one(proof: click.Command) -> None:
    done = CliRunner().invoke(proof, ["--product", "toll"])
    assert done.exit_code == 2
    assert "no scenario for toll; known kinds: fine_payment" in " ".join(done.output.split())
