"""Pages as a reader follows them: the shell blocks, and the samples of output that each block promises."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"(?:^|\s+)# .*$", re.MULTILINE)
ID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{8}\b")
EXACT = ("status", "event", "topic", "code", "amount", "balance", "held", "total_price", "currency")
"""The fields of a sample whose values must be the real ones, not only of the same type."""


@dataclass(frozen=True)
class Sample:
    """What a page shows of the output of a block: its language (json, http or text) and its text."""

    language: str
    text: str


@dataclass(frozen=True)
class Step:
    """A shell block of a page, the line it begins at, and the samples that follow it."""

    page: str
    line: int
    shell: str
    samples: list[Sample] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def commands(self) -> list[str]:
        """Its lines without comments."""
        return [line for line in uncommented(self.shell).splitlines() if line.strip()]

    @property
    def typed(self) -> str:
        """What a dialogue after it answers at the prompt `> `, a line each."""
        shown = (line for sample in self.samples if sample.language == "text" for line in sample.text.splitlines())
        return "".join(f"{line[2:]}\n" for line in shown if line.startswith("> "))


def uncommented(shell: str) -> str:
    """Shell text without its comments."""
    return COMMENT.sub("", shell)


def fences(markdown: str) -> list[tuple[str, str]]:
    """The language and the text of every fenced block; comments in shell blocks are left out."""
    found = ((match[1], match[2]) for match in FENCE.finditer(markdown))
    return [(language, uncommented(text) if language == "sh" else text) for language, text in found]


def steps(page: str, markdown: str) -> list[Step]:
    """The shell blocks of a page, in order."""
    found: list[Step] = []
    for match in FENCE.finditer(markdown):
        language, text = match[1], match[2]
        if language == "sh":
            found.append(Step(page, markdown.count("\n", 0, match.start()) + 1, text))
        elif language in ("json", "http", "text"):
            found[-1].samples.append(Sample(language, text))
    return found


def documents(output: str) -> Iterator[Any]:
    """Every JSON object in an output, whatever stands between them."""
    decoder, at = json.JSONDecoder(), output.find("{")
    while at >= 0:
        try:
            document, end = decoder.raw_decode(output, at)
            yield document
        except ValueError:
            end = at + 1
        at = output.find("{", end)


def missing(sample: Sample, output: str) -> list[str]:
    """What a sample shows and the output of its block does not have."""
    if sample.language == "text":
        lines = [_masked(line) for line in output.splitlines()]
        shown = [line for line in sample.text.splitlines() if not line.startswith("> ")]
        return [line for line in shown if not any(_masked(line) in each for each in lines)]
    head, _, body = sample.text.rpartition("\n\n") if sample.language == "http" else ("", "", sample.text)
    status, *headers = head.splitlines() or [""]
    wanted = [status, *(header.partition(":")[0] + ":" for header in headers)]
    absent = [each for each in wanted if each not in output]
    shape = json.loads(body)
    return absent + ([] if any(fits(shape, each) for each in documents(output)) else [body])


def fits(sample: Any, real: Any, key: str = "") -> bool:
    """Whether a real answer has every key of a sample, with values of the same type; see EXACT."""
    if isinstance(sample, dict):
        return isinstance(real, dict) and all(name in real and fits(sample[name], real[name], name) for name in sample)
    if isinstance(sample, list):
        return isinstance(real, list) and all(any(fits(each, one, key) for one in real) for each in sample)
    return sample == real if key in EXACT else type(sample) is type(real)


def _masked(line: str) -> str:
    """A line without what differs from run to run: ids, and in tables all numbers but 0."""
    line = " ".join(ID.sub("<id>", line).split())
    return re.sub(r"\b[1-9]\d*\b", "<n>", line) if line.startswith("│") else line
