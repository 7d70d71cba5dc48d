"""Startup: the processor time that the command line takes to show its help."""

import subprocess
import sys
from collections.abc import Iterator
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median

from bench.report import Figure
from bench.setups import Bench
from devtools.stack import ROOT

RUNS = 5
COMMANDS = (["--help"], ["--version"], ["people", "--help"])


def measure(bench: Bench) -> Iterator[Figure]:
    """The slowest of three commands that need no store, the median of five runs of each."""
    runs = bench.size(RUNS, 1)
    times = {" ".join(arguments): median(_processor_s(arguments) for _ in range(runs)) for arguments in COMMANDS}
    slowest = max(times, key=times.__getitem__)
    note = f"quittance {slowest}: user and system time, median of {runs} runs"
    yield Figure("startup: help", times[slowest], 0.4, "s", at_most=True, note=note)


def _processor_s(arguments: list[str]) -> float:
    before = getrusage(RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "ops", *arguments]
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
