"""What release 0.1.0 has written, and how to look at it with this release."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from core.broker.embedded import EmbeddedBroker
from core.installed import DEFAULT
from core.operation import Operation
from core.store.port import OPERATIONS, Store, scan
from core.store.sql import SqlStore
from tests.api.kit import SETTINGS, House, move_in
from tests.doubles import START, FakeClock

ROOT = Path(__file__).parents[2]
RELEASE_0_1_0 = Path(__file__).with_name("release_0_1_0.sql")
TABLES_0_1_0 = (
    *("api_keys", "attempts", "claims", "idempotency_keys", "journal"),
    *("operations", "partners", "people", "ussd_sessions", "wallets"),
)
AWA, KOFI = "+2250700000001", "+2250700000002"


def write_0_1_0(path: Path) -> None:
    """The file as release 0.1.0 left it."""
    with closing(sqlite3.connect(path)) as file:
        file.executescript(RELEASE_0_1_0.read_text())


def tables(connection: sa.Connection) -> dict[str, Any]:
    """The columns, indexes and unique constraints of each table, without the order of columns."""
    there = sa.inspect(connection)
    return {
        name: (
            sorted((column["name"], str(column["type"]), column["nullable"]) for column in there.get_columns(name)),
            sorted((str(index["name"]), index["column_names"], partial_of(index)) for index in there.get_indexes(name)),
            sorted((str(unique["name"]), unique["column_names"]) for unique in there.get_unique_constraints(name)),
        )
        for name in there.get_table_names()
    }


def partial_of(index: Any) -> list[str]:
    """The conditions of an index that leaves documents out."""
    return [str(value) for option, value in index.get("dialect_options", {}).items() if option.endswith("_where")]


def operations(store: Store) -> list[Operation]:
    return [Operation.from_document(document) for document in scan(store, OPERATIONS, {})]


def transfer_under_way(store: Store) -> Operation:
    (found,) = (each for each in operations(store) if each.kind == "wallet_transfer" and not each.terminal)
    return found


def opened_house(store: SqlStore) -> House:
    """An API on this store, a minute and a lease after release 0.1.0 was stopped."""
    clock = FakeClock(START + timedelta(seconds=60 + 90))
    return move_in(House(store, EmbeddedBroker(store, clock), clock, replace(SETTINGS, installed=DEFAULT)))
