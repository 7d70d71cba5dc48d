"""The installed products: folders named in the setting PRODUCTS, loaded by name, as Django loads its apps."""

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from core.contract import Contract
from core.store.port import COLLECTIONS, Collection

OURS = ("products",)
"""What is installed when PRODUCTS is not set: the package that names all of ours."""


SCOPE_READ, SCOPE_ALL = SCOPES = ("operations:read", "operations:all")
"""Those of no product: a key lists the operations of its client, and with SCOPE_ALL those of everybody."""


class BadProduct(Exception):
    """A product cannot be installed; the message says which and why."""


@dataclass(frozen=True)
class Installed:
    """Some products.

    names: importable packages, in the order of their routes. A package with `INCLUDES` stands for the packages named
        there.
    """

    names: Sequence[str] = OURS

    @cached_property
    def packages(self) -> Sequence[str]:
        """One package a product. Raises BadProduct for a name that cannot be imported."""
        found: list[str] = []
        for name in self.names:
            try:
                package = import_module(name)
            except (ModuleNotFoundError, TypeError, ValueError) as error:
                raise BadProduct(f"{name}: {error}") from None
            if not hasattr(package, "__path__"):
                raise BadProduct(f"{name}: it is a module and not a package")
            found += getattr(package, "INCLUDES", (name,))
        if twice := sorted(name for name, times in Counter(found).items() if times > 1):
            raise BadProduct(f"installed twice: {', '.join(twice)}")
        return found

    def modules(self, part: str) -> Iterator[ModuleType]:
        """The module `part` of each product that has one: contract, routes, process, ussd, words or scenario.

        Raises BadProduct for a product that cannot be found.
        """
        return (module for _, module in self.parts(part))

    def parts(self, part: str) -> Iterator[tuple[str, ModuleType]]:
        """As `modules`, each with the name of its product."""
        for name in self.packages:
            if find_spec(f"{name}.{part}") is not None:
                yield name, import_module(f"{name}.{part}")

    def members(self, part: str, attribute: str) -> Iterator[Any]:
        """The items of a tuple `attribute` of each module `part`, of all products."""
        return (item for _, item in self.declared(part, attribute))

    def declared(self, part: str, attribute: str) -> Iterator[tuple[str, Any]]:
        """As `members`, each item with the name of its product."""
        for product, module in self.parts(part):
            yield from ((product, item) for item in getattr(module, attribute, ()))

    @cached_property
    def contracts(self) -> Mapping[str, Contract[Any]]:
        """The contracts of all installed products, by kind. Raises BadProduct when two products share a kind."""
        return dict(zip(self.kinds, self.members("contract", "CONTRACTS"), strict=True))

    @cached_property
    def kinds(self) -> Mapping[str, str]:
        """The product of each kind. Raises BadProduct when two products share a kind."""
        found = self.declared("contract", "CONTRACTS")
        return owners("the kind", ((product, contract.kind) for product, contract in found))

    @cached_property
    def collections(self) -> Mapping[str, Collection]:
        """The collections of the core and of all installed products, by name. Raises BadProduct for a shared name."""
        found = list(self.declared("contract", "COLLECTIONS"))
        owners("the collection", ((product, collection.name) for product, collection in found), COLLECTIONS)
        return {**COLLECTIONS, **{collection.name: collection for _, collection in found}}

    def settings(self, shared: Container[str]) -> list[type[Any]]:
        """The types of the settings of all installed products. Raises BadProduct when two products share a variable.

        shared: the variables that are no product's.
        """
        found = list(self.declared("contract", "SETTINGS"))
        names = ((product, name) for product, section in found for name in variables(section))
        owners("the setting", names, shared)
        return [section for _, section in found]

    @cached_property
    def scopes(self) -> frozenset[str]:
        """The scopes that API keys may have. Raises BadProduct when two products share one."""
        return frozenset({*SCOPES, *owners("the scope", self.declared("contract", "SCOPES"), SCOPES)})

    @cached_property
    def notifiers(self) -> list[Any]:
        """The notifier factories of the installed products: see `core.notices.port.MakeNotifier`."""
        return self._factories("notifier")

    @cached_property
    def announcers(self) -> list[Any]:
        """The announcer factories of the installed products: see `core.notices.port.MakeAnnouncer`."""
        return self._factories("announcer")

    @cached_property
    def details(self) -> Mapping[str, Any]:
        """By kind: what is said of an operation besides its outcome, from the operation and a language."""
        return {kind: say for module in self.modules("words") for kind, say in module.DETAILS.items()}

    def _factories(self, name: str) -> list[Any]:
        return [getattr(module, name) for module in self.modules("contract") if hasattr(module, name)]


def variables(section: type[Any]) -> list[str]:
    """The variables of the environment that a section of the settings is read from."""
    return [named.name.upper() for named in fields(section)]


def owners(what: str, declared: Iterable[tuple[str, str]], reserved: Container[str] = ()) -> Mapping[str, str]:
    """The product of each name that products declare.

    what: what the names are of, for the error message.
    declared: pairs of a product and a name.
    reserved: names that belong to no product.
    Raises BadProduct when a name is declared twice, and for a reserved name.
    """
    found: dict[str, str] = {}
    for product, name in declared:
        if name in reserved:
            raise BadProduct(f"product {product!r} declares {what} {name!r}, which is not a product's")
        if name in found:
            both = f"products {found[name]!r} and {product!r} both declare {what} {name!r}"
            raise BadProduct(both if found[name] != product else f"product {product!r} declares {what} {name!r} twice")
        found[name] = product
    return found


DEFAULT = Installed()
"""Our own products, all of them."""
