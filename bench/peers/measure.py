"""Accepting beside what people would build instead: all in turn within one run, as shares of a bare view."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.load import closed_loop, paced
from bench.report import Figure
from bench.setups import Bench, check_stored, drain, drop_rings, payments
from devtools.stack import ROOT, commands

CONNECTIONS = 32
REQUESTS = 3000
ROUNDS = 3
PACE = 100
PACED = 1000
REQUIREMENTS = Path(__file__).with_name("requirements.txt")

BARE, NAIVE, DRAMATIQ, CELERY = "a bare view", "Flask + marshmallow + SQLite insert", "Dramatiq", "Celery"
EMBEDDED, RABBITMQ = "Quittance, embedded", "Quittance, SQLite + RabbitMQ"


@dataclass
class Peer:
    """One set-up that accepts payments.

    app: what gunicorn serves; None for ours.
    broker: whether it publishes to RabbitMQ.
    per_second: accepts a second, one figure a round.
    p99_ms: at PACE requests a second, one figure a round.
    """

    name: str
    app: str | None = None
    broker: bool = False
    per_second: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)


def measure(bench: Bench) -> Iterator[Figure]:
    """Measures each set-up once in each round, and yields shares of the bare view and latencies."""
    peers = (
        Peer(BARE, "bench.bare:app"),
        Peer(NAIVE, "bench.peers.naive:app"),
        Peer(EMBEDDED),
        Peer(DRAMATIQ, "bench.peers.with_dramatiq:app", broker=True),
        Peer(CELERY, "bench.peers.with_celery:app", broker=True),
        Peer(RABBITMQ, broker=True),
    )
    with tempfile.TemporaryDirectory(prefix="quittance-peers-") as folder:
        install(Path(folder))
        for _ in range(bench.size(ROUNDS, 1)):
            for peer in peers:
                settings = {"PYTHONPATH": folder if peer.app else ""}
                _measure_once(bench, peer, settings | ({"BROKER_URL": bench.rabbit.url} if peer.broker else {}))
    yield from _figures({peer.name: peer for peer in peers})


def install(folder: Path) -> None:
    """Installs the libraries of the peers into the folder, apart from ours."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", str(folder)]
    subprocess.run([*pip, "--requirement", str(REQUIREMENTS)], check=True, cwd=ROOT)


def _measure_once(bench: Bench, peer: Peer, settings: Mapping[str, str]) -> None:
    programs = {}
    if peer.app:
        programs = {"api": [word.replace("web.app:create_app()", peer.app) for word in commands()["api"]]}
    with bench.stack(settings, programs) as running:
        running.start(("api",))
        warm = closed_loop(running.api_port, payments(bench.size(300, 10)), CONNECTIONS)
        load = closed_loop(running.api_port, payments(bench.size(REQUESTS, 40)), CONNECTIONS)
        if peer.app is None:
            check_stored(running, warm.accepted + load.accepted)
    peer.per_second.append(load.accepted / load.seconds)
    if peer.broker and peer.app is None:
        drop_rings(bench.rabbit)
    with bench.stack(settings, programs) as running:
        running.start(("mock_api", "api", "worker") if peer.app is None else ("api",))
        warm = closed_loop(running.api_port, payments(bench.size(50, 5)), 4)
        load = paced(running.api_port, payments(bench.size(PACED, 50)), PACE, 16)
        if peer.app is None:
            drain(running, warm.accepted + load.accepted)
    peer.p99_ms.append(load.percentile_s(0.99) * 1000)


def _figures(peers: Mapping[str, Peer]) -> Iterator[Figure]:
    targets = {EMBEDDED: 0.45, RABBITMQ: 0.35}
    bare = peers[BARE]
    for name, peer in peers.items():
        share = median(mine / of_bare for mine, of_bare in zip(peer.per_second, bare.per_second, strict=True))
        speed = f"{median(peer.per_second):.0f}/s, median of {len(peer.per_second)} rounds"
        note = f"{speed}; p99 at {PACE}/s {median(peer.p99_ms):.1f} ms"
        yield Figure(f"peers: {name}, share of {BARE}", share, targets.get(name, 0), "", note=note)
    for mine, other, target in ((EMBEDDED, NAIVE, 1.0), (RABBITMQ, DRAMATIQ, 1.2)):
        pairs = zip(peers[mine].per_second, peers[other].per_second, strict=True)
        yield Figure(f"peers: {mine}, times {other}", median(a / b for a, b in pairs), target, "")
    for name in targets:
        note = "the worker settles them meanwhile, on the same cores"
        yield Figure(f"peers: {name}, p99 at {PACE}/s", median(peers[name].p99_ms), 5, "ms", at_most=True, note=note)
