"""Each kind has one process: what does not fit is said when the worker starts, with the names of the products."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from core.bootstrap import Core
from core.broker.embedded import EmbeddedBroker
from core.installed import BadProduct, Installed
from core.store.port import Store
from tests.api.kit import SETTINGS
from tests.doubles import FakeClock
from worker.process import Processes
from worker.products import build

CONTRACT = """
from core.contract import Contract, Request, no_effects
CONTRACTS = (Contract({kind!r}, Request, frozenset(), (), no_effects),)
"""
PROCESS = """
from worker.process import Process

def processes(services):
    return (Process({kind!r}, lambda operation: ()),)
"""

Write = Callable[..., str]


@pytest.fixture
def processes(store: Store, clock: FakeClock) -> Callable[..., Processes]:
    """The processes of products, by name."""

    def built(*names: str) -> Processes:
        settings = replace(SETTINGS, installed=Installed(names))
        return build(Core(settings, clock, store, EmbeddedBroker(store, clock)))

    return built


def test_a_kind_without_a_process_is_refused(write: Write, processes: Callable[..., Processes]) -> None:
    name = write("toll_unworked", contract=CONTRACT.format(kind="toll"))
    with pytest.raises(BadProduct, match="product 'toll_unworked' declares the kind 'toll', but no process of it"):
        processes(name)


def test_a_process_without_a_contract_is_refused(write: Write, processes: Callable[..., Processes]) -> None:
    name = write("toll_unknown", process=PROCESS.format(kind="toll"))
    with pytest.raises(
        BadProduct, match="product 'toll_unknown' declares a process of the kind 'toll', but no contract of it"
    ):
        processes(name)


def test_two_processes_of_one_kind_are_refused(write: Write, processes: Callable[..., Processes]) -> None:
    toll = write("toll_first", contract=CONTRACT.format(kind="toll"), process=PROCESS.format(kind="toll"))
    other = write("toll_second", process=PROCESS.format(kind="toll"))
    with pytest.raises(
        BadProduct, match="products 'toll_first' and 'toll_second' both declare a process of the kind 'toll'"
    ):
        processes(toll, other)


def test_a_kind_with_a_process_is_worked_on(write: Write, processes: Callable[..., Processes]) -> None:
    name = write("toll_whole", contract=CONTRACT.format(kind="toll"), process=PROCESS.format(kind="toll"))
    assert processes(name).keys() == {"toll"}
