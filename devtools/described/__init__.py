"""Holds the API to its own description: Schemathesis calls every route, as every kind of caller."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devtools.described.callers import SETTINGS, Caller, Found, prepare
from devtools.stack import ROOT, Stack

HERE = Path(__file__).parent
CONFIG = HERE / "schemathesis.toml"
LONGEST_S = 3600


@dataclass(frozen=True)
class Outcome:
    """How the calls of one caller ended.

    caller: its name.
    cases: how many requests were judged.
    failures: different ones.
    errors: of Schemathesis itself.
    took_s: seconds.
    printed: all that Schemathesis printed.
    """

    caller: str
    cases: int
    failures: int
    errors: int
    took_s: float
    printed: str

    @property
    def held(self) -> bool:
        """Whether the API does what its description says."""
        return not self.failures and not self.errors and self.cases > 0


def call_everything(folder: Path, examples: int, seed: int) -> Iterator[Outcome]:
    """Starts a stack in a folder, and yields the outcome of each caller in turn.

    examples: at most so many random cases of an operation; those of its examples and limits come on top.
    seed: the same one makes the same cases, as far as the answers are the same.
    """
    with Stack(folder / "stack", SETTINGS) as stack:
        stack.start()
        found = prepare(stack)
        config = _write_config(folder, found)
        for number, caller in enumerate(found.callers):
            # Under another seed each, because some callers share their idempotency keys.
            yield _call(stack, config, caller, found, examples, seed + number)


def _write_config(folder: Path, found: Found) -> Path:
    """The configuration, beside the dictionaries that it names."""
    for name, ids in found.ids.items():
        (folder / f"{name}.txt").write_text("".join(f'"{id}"\n' for id in ids))
    return Path(shutil.copy(CONFIG, folder))


def _call(stack: Stack, config: Path, caller: Caller, found: Found, examples: int, seed: int) -> Outcome:
    report = config.parent / f"{caller.name.replace(' ', '-')}.json"
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)]
    command += ["run", f"{stack.api}/openapi.json", "--no-color", "--warnings", "off", "--continue-on-failure"]
    command += ["--max-examples", str(examples), "--seed", str(seed), "--report-json-path", str(report)]
    command += [word for name, value in caller.headers.items() for word in ("--header", f"{name}: {value}")]
    environment = {**stack.environment, "PYTHONPATH": str(ROOT), "LEAVER": found.leaver["Authorization"]}
    done = subprocess.run(
        command, cwd=config.parent, env=environment, capture_output=True, text=True, timeout=LONGEST_S
    )
    if not report.exists():
        raise RuntimeError(f"Schemathesis made no report: {done.stdout[-4000:]}{done.stderr[-4000:]}")
    said: Mapping[str, Any] = json.loads(report.read_text())
    cases = said["test_cases"]
    return Outcome(
        caller.name,
        cases["generated"],
        cases["unique_failures"],
        len(said["errors"]),
        float(said["running_time"]),
        done.stdout,
    )
