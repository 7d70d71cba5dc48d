"""Checks of the store, the broker and the partners: whether they answer, and are as this release needs them."""

from collections.abc import Iterator
from contextlib import closing

import requests

from core.bootstrap import check_queues, open_migration, open_store
from core.clock import Clock
from core.errors import BrokerUnavailable, StoreUnavailable
from core.settings import BadSettings, Settings
from ops.doctor.findings import Finding, away, ok, warning, wrong
from ops.partner.connection import Skew, reach

SKEW_S = 5.0
"""A clock that is further off makes signatures and tokens wrong, which are good for some minutes."""
ASKED_S = 5


def check_store(settings: Settings) -> Iterator[Finding]:
    """Whether the store answers, and has the tables and indexes of this release."""
    try:
        with closing(open_migration(settings)) as migration:
            state = migration.state()
    except StoreUnavailable as error:
        yield wrong("store", f"{error}", "start it, or correct STORE_URL")
        return
    if state.pending and settings.embedded:
        yield ok("store", "the first process that opens the file brings it to this release")
    elif state.pending:
        said = f"it is at {state.before}, and not at {state.after}"
        yield wrong("store", said, "run `quittance migrate`")
    else:
        yield ok("store", f"it answers, and is at {state.after}")
        yield from _check_keys(settings)


def _check_keys(settings: Settings) -> Iterator[Finding]:
    """Whether the store is encrypted with the keys of the settings, or not at all."""
    try:
        open_store(settings).close()
    except (BadSettings, StoreUnavailable) as error:
        yield wrong("data at rest", f"{error}", "no process starts like this: docs/how-to/encrypt-at-rest.md")


def check_broker(settings: Settings) -> Iterator[Finding]:
    """Whether RabbitMQ answers, and its queues have the arguments of this release."""
    if not settings.broker_url:
        yield ok("broker", "none is set: workers poll the store")
        return
    try:
        differing = check_queues(settings.broker_url, settings.installed.contracts)
    except BrokerUnavailable as error:
        yield wrong("broker", f"{error}", "start it, or correct BROKER_URL")
        return
    if differing:
        said = f"{', '.join(differing)} have other arguments than this release declares"
        yield wrong("broker", said, "drain and delete these queues: workers declare them anew")
    else:
        yield ok("broker", "it answers, and its queues are as this release declares them")


def check_partners(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """Whether each partner can be reached, and whether its clock and ours agree. Nothing is asked of it."""
    skews: dict[str, float] = {}
    for name, url in settings.partners.items():
        reached = reach(url)()
        if reached.failed:
            yield away(name, reached.seen, f"look at the network, or correct {name}")
            continue
        yield ok(name, reached.seen)
        if (skew := _skew(url, clock)) is not None:
            skews[name] = skew
    if not skews:
        yield warning("clock", "no partner told the time", "see that this machine keeps its clock by NTP")
        return
    off = sorted(skews.values(), key=abs)[len(skews) // 2]
    said = f"it differs from the partners' by {off:.0f} s"
    if abs(off) > SKEW_S:
        yield wrong("clock", said, "keep this machine's clock by NTP: tokens and signatures would be refused")
    else:
        yield ok("clock", said)


def _skew(url: str, clock: Clock) -> float | None:
    heard = Skew(clock)
    try:
        heard.hear(requests.head(url, timeout=ASKED_S, allow_redirects=False))
    except requests.RequestException:
        return None
    return heard.seconds()
