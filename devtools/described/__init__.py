"""Compares the API with its own description: Schemathesis calls every route as every kind of caller."""

import json
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from devtools.described.callers import SETTINGS, Caller, prepare
from devtools.stack import ROOT, Stack

CONFIG = Path(__file__).parent / "schemathesis.toml"
LONGEST_S = 3600
QUICK = ("examples", "fuzzing")
PHASES = (*QUICK, "coverage", "stateful")
"""Of Schemathesis: `coverage` tries the limits of every field."""
SIGN_OUT = (
    '\n[[operations]] # it ends a token\ninclude-path = "/v1/auth/logout"\nheaders = {{ Authorization = "{token}" }}\n'
)


class SignedOut(Exception):
    """The caller's token ended during the calls, so the calls prove nothing."""


@dataclass(frozen=True)
class Outcome:
    """The result of one caller's calls.

    caller: the caller's name.
    cases: the number of requests that Schemathesis judged.
    failures: the number of different failures.
    errors: the number of errors in Schemathesis itself.
    accepted: by operation, the number of valid requests that got a 2xx.
    took_s: seconds.
    printed: the whole output of Schemathesis.
    """

    caller: str
    cases: int
    failures: int
    errors: int
    accepted: Mapping[str, int]
    took_s: float
    printed: str

    @property
    def held(self) -> bool:
        """Whether every answer was as the description says."""
        return not self.failures and not self.errors and self.cases > 0


def call_everything(folder: Path, examples: int, seed: int, limits: Collection[str] | None = None) -> Iterator[Outcome]:
    """Starts a stack in a folder, and yields the outcome of each caller in turn.

    examples: the number of random cases of an operation, at most. The cases for its examples and limits are extra.
    seed: the same seed makes the same cases, if the API gives the same answers.
    limits: the callers that also try the limits of every field, which takes the most time. Default: all.

    Raises SignedOut, and RuntimeError if Schemathesis stopped early.
    """
    with Stack(folder / "stack", SETTINGS) as stack:
        stack.start()
        callers, ids = prepare(stack)
        for name, known in ids.items():
            (folder / f"{name}.txt").write_text("".join(f'"{id}"\n' for id in known))
        for number, caller in enumerate(callers):
            phases = PHASES if limits is None or caller.name in limits else QUICK
            how = ["--phases", ",".join(phases), "--max-examples", str(examples)]
            # Under another seed each, because some callers share their idempotency keys.
            yield _call(stack, folder, caller, [*how, "--seed", str(seed + number)])


def _call(stack: Stack, folder: Path, caller: Caller, how: list[str]) -> Outcome:
    report, config = folder / f"{caller.name}.json", folder / f"{caller.name}.toml"
    # Beside the dictionaries that it names.
    config.write_text(CONFIG.read_text() + (SIGN_OUT.format(token=caller.leaver) if caller.leaver else ""))
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run"]
    command += [f"{stack.api}/openapi.json", "--no-color", "--warnings", "off", "--continue-on-failure", *how]
    command += ["--include-path-regex", caller.paths, "--report-json-path", str(report)]
    command += [word for name, value in caller.headers.items() for word in ("--header", f"{name}: {value}")]
    environment = {**stack.environment, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=LONGEST_S)
    if not report.exists():
        raise RuntimeError(f"Schemathesis made no report: {done.stdout[-4000:]}{done.stderr[-4000:]}")
    if caller.leaver and not _signed_in(stack, caller):
        raise SignedOut(caller.name)
    return _outcome(caller, json.loads(report.read_text()), done.stdout)


def _signed_in(stack: Stack, caller: Caller) -> bool:
    return requests.get(f"{stack.api}/v1/auth/read_current_user", headers=dict(caller.headers), timeout=30).ok


def _outcome(caller: Caller, said: Mapping[str, Any], printed: str) -> Outcome:
    accepted = {
        operation: sum(rate["accepted"] for rate in phases.values())
        for operation, phases in said["valid_rates"].items()
    }
    cases = said["test_cases"]
    return Outcome(
        caller.name,
        cases["generated"],
        cases["unique_failures"],
        len(said["errors"]),
        accepted,
        said["running_time"],
        printed,
    )
