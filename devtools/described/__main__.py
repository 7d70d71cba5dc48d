"""`make prove`: many cases, and a line for each caller."""

import sys
import tempfile
from pathlib import Path

import click

from devtools.described import call_everything


@click.command()
@click.option("--examples", default=22, show_default=True, help="Random cases of an operation, at most.")
@click.option("--seed", default=1, show_default=True, help="Where the random cases begin.")
def prove(examples: int, seed: int) -> None:
    """Calls every route as every kind of caller, and holds the answers to the description."""
    total, held = 0, True
    click.echo(f"{'caller':<12}{'cases':>8}{'failures':>10}{'seconds':>9}")
    with tempfile.TemporaryDirectory(prefix="quittance-described-") as folder:
        for outcome in call_everything(Path(folder), examples, seed):
            total, held = total + outcome.cases, held and outcome.held
            click.echo(f"{outcome.caller:<12}{outcome.cases:>8}{outcome.failures:>10}{outcome.took_s:>9.0f}")
            if not outcome.held:
                click.echo(outcome.printed)
    click.echo(f"{'together':<12}{total:>8}")
    sys.exit(not held)


if __name__ == "__main__":
    prove()
