"""Every measurement still runs, and what it accepts is stored, finished and paid. Speeds are not looked at."""

import os
import re

import pytest

from bench.__main__ import MEASUREMENTS
from tests.e2e.kit import ops

ON_RABBITMQ = ("rabbitmq", "outage", "events", "peers")
"""They share one server."""
RUNS = [*((name,) for name in MEASUREMENTS if name not in ON_RABBITMQ), ON_RABBITMQ]


@pytest.mark.slow
@pytest.mark.parametrize("names", RUNS, ids="-".join)
def test_measurements_print_their_figures_and_their_counts_add_up(names: tuple[str, ...]) -> None:
    done = ops("bench", "--smoke", *names, timeout_s=280, environment={"PATH": os.environ["PATH"]})
    if names == ON_RABBITMQ and "install rabbitmq-server" in done.stderr and not os.environ.get("CI"):
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "handler_raised" not in done.stdout + done.stderr
    figures = re.findall(r"^│ (\S.*?) +│ (-?[\d.e+]+) ", done.stdout, re.MULTILINE)
    assert len(figures) >= len(names), done.stdout
