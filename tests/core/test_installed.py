"""Products are installed by name: what cannot be installed is said, and nothing is searched for."""

from collections.abc import Callable

import pytest

from core.installed import DEFAULT, BadProduct, Installed
from core.settings import BadSettings, read_settings

CONTRACT = """
from core.contract import Contract, Request, no_effects
CONTRACTS = (Contract({kind!r}, Request, frozenset(), (), no_effects),)
"""

Write = Callable[..., str]


def test_ours_are_installed_by_one_name() -> None:
    assert "products.fines" in DEFAULT.packages
    assert "products.template" not in DEFAULT.packages
    assert "fine_payment" in DEFAULT.contracts


def test_a_name_adds_one_to_ours(write: Write) -> None:
    name = write("toll_added", contract=CONTRACT.format(kind="toll"))
    assert Installed(("products", name)).contracts.keys() == {*DEFAULT.contracts, "toll"}


def test_a_product_without_a_part_has_none(write: Write) -> None:
    assert list(Installed((write("toll_bare"),)).modules("routes")) == []


@pytest.mark.parametrize("name", ["products.nothing", "no_such_package"])
def test_a_name_that_cannot_be_imported_is_named_with_the_settings(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRODUCTS", f"products,{name}")
    with pytest.raises(BadSettings, match=f"PRODUCTS: {name}"):
        read_settings()


COLLECTION = """
from core.store.port import Collection
COLLECTIONS = (Collection({name!r}),)
"""
SETTINGS = """
from dataclasses import dataclass

@dataclass(frozen=True)
class {name}:
    {field}: str

    @classmethod
    def read(cls, env):
        return cls("")

SETTINGS = ({name},)
"""


@pytest.mark.parametrize(
    ("contract", "what"),
    [
        (CONTRACT.format(kind="toll"), "the kind 'toll'"),
        (COLLECTION.format(name="gates"), "the collection 'gates'"),
        (SETTINGS.format(name="TollSettings", field="toll_rate"), "the setting 'TOLL_RATE'"),
        ("SCOPES = ('tolls',)", "the scope 'tolls'"),
    ],
)
def test_what_two_products_declare_is_refused_with_both_names(
    write: Write, monkeypatch: pytest.MonkeyPatch, contract: str, what: str
) -> None:
    monkeypatch.setenv("PRODUCTS", ",".join(write(name, contract=contract) for name in ("toll_one", "toll_two")))
    with pytest.raises(BadSettings) as refused:
        read_settings()
    assert str(refused.value) == f"PRODUCTS: products 'toll_one' and 'toll_two' both declare {what}"


@pytest.mark.parametrize(
    ("contract", "what"),
    [
        (COLLECTION.format(name="operations"), "the collection 'operations'"),
        (SETTINGS.format(name="TollSettings", field="store_url"), "the setting 'STORE_URL'"),
    ],
)
def test_a_product_cannot_take_what_is_the_cores(
    write: Write, monkeypatch: pytest.MonkeyPatch, contract: str, what: str
) -> None:
    monkeypatch.setenv("PRODUCTS", write("toll_greedy", contract=contract))
    with pytest.raises(BadSettings, match=f"PRODUCTS: product 'toll_greedy' declares {what}, which is not a product's"):
        read_settings()


def test_a_product_that_declares_one_kind_twice_is_refused(write: Write) -> None:
    source = CONTRACT.format(kind="toll") + "CONTRACTS *= 2"
    with pytest.raises(BadProduct, match="product 'toll_again' declares the kind 'toll' twice"):
        _ = Installed((write("toll_again", contract=source),)).contracts


def test_a_product_that_is_installed_twice_is_refused() -> None:
    with pytest.raises(BadProduct, match=r"installed twice: products\.fines"):
        _ = Installed(("products", "products.fines")).packages


def test_a_mistake_in_a_product_is_not_taken_for_a_missing_part(write: Write) -> None:
    name = write("toll_broken", contract="import no_such_library")
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        _ = Installed((name,)).contracts
