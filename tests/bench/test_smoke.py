"""Every measurement still runs, and what it accepts is stored, finished and paid. Speeds are not looked at."""

import os
import re

import pytest

from bench.__main__ import MEASUREMENTS
from tests.e2e.kit import ops

ON_RABBITMQ = {"rabbitmq", "outage", "events", "peers"}


@pytest.mark.slow
@pytest.mark.parametrize("name", MEASUREMENTS)
def test_a_measurement_prints_its_figures_and_its_counts_add_up(name: str) -> None:
    done = ops("bench", "--smoke", name, timeout_s=280, environment={"PATH": os.environ["PATH"]})
    if name in ON_RABBITMQ and "install rabbitmq-server" in done.stderr and not os.environ.get("CI"):
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "handler_raised" not in done.stdout + done.stderr
    figures = re.findall(r"^│ (\S.*?) +│ (-?[\d.e+]+) ", done.stdout, re.MULTILINE)
    assert figures, done.stdout
