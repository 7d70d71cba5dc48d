"""Databases of one's own on a server: each is new and empty, and is dropped at the end."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from uuid import uuid4

import pymongo
import sqlalchemy as sa

PREFIX = "quittance_test_"


def own_database(url: str) -> AbstractContextManager[str]:
    """Yields the URL of a new database on the server at `url`: PostgreSQL, MySQL, MariaDB or MongoDB.

    Raises ValueError for another scheme.
    """
    sort = url.partition("://")[0].partition("+")[0]
    if sort not in SORTS:
        raise ValueError(f"{url}: must begin with {', '.join(f'{name}://' for name in SORTS)}")
    return SORTS[sort](url, f"{PREFIX}{uuid4().hex}")


@contextmanager
def _postgres_schema(url: str, name: str) -> Iterator[str]:
    own = sa.make_url(url).update_query_dict({"options": f"-csearch_path={name}"})
    with _connected(url, "postgresql+psycopg") as run:
        run(f"CREATE SCHEMA {name}")
        yield own.render_as_string(hide_password=False)
        run(f"DROP SCHEMA {name} CASCADE")


@contextmanager
def _mysql_database(url: str, name: str) -> Iterator[str]:
    with _connected(url, "mysql+pymysql") as run:
        run(f"CREATE DATABASE {name}")
        yield sa.make_url(url).set(database=name).render_as_string(hide_password=False)
        run(f"DROP DATABASE {name}")


@contextmanager
def _mongo_database(url: str, name: str) -> Iterator[str]:
    address, _, options = url.partition("?")
    base = address.removesuffix("/") if address.count("/") == 2 else address.rpartition("/")[0]
    yield f"{base}/{name}?{options}" if options else f"{base}/{name}"
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(url)
    with client:
        client.drop_database(name)


SORTS: Mapping[str, Callable[[str, str], AbstractContextManager[str]]] = {
    "postgresql": _postgres_schema,
    "mysql": _mysql_database,
    "mariadb": _mysql_database,
    "mongodb": _mongo_database,
}


@contextmanager
def _connected(url: str, driver: str) -> Iterator[Callable[[str], object]]:
    """Yields what runs a statement in a connection of its own: between two of them, the server may be restarted.

    driver: what SQLAlchemy calls the installed driver; it is used even if the URL names none.
    """
    engine = sa.create_engine(
        sa.make_url(url).set(drivername=driver), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
    )

    def run(statement: str) -> object:
        with engine.connect() as connection:
            return connection.exec_driver_sql(statement)

    yield run
