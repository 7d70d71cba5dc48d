"""The routes and menus of installed products fit together: what does not is said when the API starts."""

from collections.abc import Callable, Mapping
from itertools import product

import pytest

from api.app import create_app
from core.installed import DEFAULT, Installed
from tests.api.kit import build

CONTRACT = """
from core.contract import Contract, Door, Request, no_effects
CONTRACTS = (Contract({kind!r}, Request, frozenset({doors}), (), no_effects),)
"""
ROUTES = """
from api.auth.access import anyone
from api.http.blueprint import Routes

blueprint = Routes({name!r}, __name__, kinds={kinds!r})
BLUEPRINTS = (blueprint,)

@blueprint.get({path!r})
@anyone
def show(**names):
    return "shown"
"""
USSD = """
from api.ussd.screen import Entry, Menu, text
ENTRIES = (Entry(1, {label!r}, {screen!r}, (Menu({screen!r}, text("Tolls"), lambda talk: [], ()),), {kinds!r}),)
"""

Write = Callable[..., str]


def routes(name: str, path: str, *kinds: str) -> str:
    return ROUTES.format(name=name, path=path, kinds=kinds)


def ussd(label: str, screen: str, *kinds: str) -> str:
    return USSD.format(label=label, screen=screen, kinds=kinds)


def contract(kind: str, *doors: str) -> str:
    return CONTRACT.format(kind=kind, doors=f"{{{', '.join(f'Door.{door}' for door in doors)}}}" if doors else "")


def refusal(*names: str) -> str:
    """What the API says when it does not start with these products."""
    with pytest.raises(SystemExit) as refused:
        create_app(build(installed=Installed(names)).core)
    return str(refused.value)


@pytest.mark.parametrize(
    ("one", "two", "what"),
    [
        (
            {"routes": routes("tolls", "/tolls")},
            {"routes": routes("tolls", "/gates")},
            "the blueprint 'tolls'",
        ),
        (
            {"routes": routes("tolls", "/tolls/<id>")},
            {"routes": routes("gates", "/tolls/<gate>/")},
            "the route 'GET /tolls/<>'",
        ),
        (
            {"ussd": ussd("Tolls", "tolls")},
            {"ussd": ussd("Gates", "tolls")},
            "the screen 'tolls'",
        ),
        (
            {"ussd": ussd("Tolls", "tolls")},
            {"ussd": ussd("Tolls", "gates")},
            "the line of the main menu 'Tolls'",
        ),
    ],
)
def test_what_two_products_declare_is_refused_with_both_names(
    write: Write, one: Mapping[str, str], two: Mapping[str, str], what: str
) -> None:
    names = write("toll_one", **one), write("toll_two", **two)
    assert refusal(*names) == f"api: PRODUCTS: products 'toll_one' and 'toll_two' both declare {what}"


@pytest.mark.parametrize(
    ("part", "what"),
    [
        ({"routes": routes("people", "/tolls")}, "the blueprint 'people'"),
        ({"routes": routes("tolls", "/readyz")}, "the route 'GET /readyz'"),
        ({"ussd": ussd("Tolls", "main")}, "the screen 'main'"),
        ({"ussd": ussd("Tolls", "end")}, "the screen 'end'"),
        ({"ussd": ussd("My account", "tolls")}, "the line of the main menu 'My account'"),
    ],
)
def test_a_product_cannot_take_what_is_the_apis(write: Write, part: Mapping[str, str], what: str) -> None:
    assert refusal(write("toll_greedy", **part)) == (
        f"api: PRODUCTS: product 'toll_greedy' declares {what}, which is not a product's"
    )


@pytest.mark.parametrize("door", ["HTTP", "USSD"])
def test_a_kind_that_may_be_asked_for_and_is_not_is_refused(write: Write, door: str) -> None:
    name = write("toll_silent", contract=contract("toll", door))
    assert refusal(name) == (
        f"api: PRODUCTS: product 'toll_silent' opens the kind 'toll' to {door.lower()}, but nothing there asks for it"
    )


@pytest.mark.parametrize(
    ("doors", "part", "door"),
    [
        (("USSD",), {"routes": routes("tolls", "/tolls", "toll"), "ussd": ussd("Tolls", "tolls", "toll")}, "http"),
        ((), {"ussd": ussd("Tolls", "tolls", "toll")}, "ussd"),
    ],
)
def test_a_kind_that_is_asked_for_and_may_not_be_is_refused(
    write: Write, doors: tuple[str, ...], part: Mapping[str, str], door: str
) -> None:
    name = write("toll_loud", contract=contract("toll", *doors), **part)
    assert refusal(name) == (
        f"api: PRODUCTS: product 'toll_loud' asks for the kind 'toll' by {door}, but no contract has that door"
    )


def test_paths_that_differ_in_method_or_type_are_not_one(write: Write) -> None:
    names = [
        write(f"toll_{number}", routes=routes(f"tolls{number}", path).replace("blueprint.get", f"blueprint.{method}"))
        for number, (method, path) in enumerate(product(("get", "post"), ("/tolls/<id>", "/tolls/<int:id>")))
    ]
    assert create_app(build(installed=Installed(names)).core)


@pytest.mark.parametrize("name", DEFAULT.packages)
def test_each_of_ours_can_be_the_only_product(name: str) -> None:
    assert create_app(build(installed=Installed((name,))).core)
