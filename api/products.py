"""The API's side of the installed products: their routes and their menus, checked when the app starts."""

import re
from collections.abc import Iterable

from flask import Blueprint, Flask

from api.http.blueprint import Routes
from api.ussd.menu import Menus
from api.ussd.screen import END, Entry
from core.contract import Door
from core.installed import BadProduct, Installed, owners

_VARIABLE = re.compile(r"[^<:]+>")
"""The name of a variable in a rule: `/<id>` and `/<uid>` are one path, `/<int:id>` is another."""


def routes_of(installed: Installed, ours: Iterable[Blueprint]) -> dict[str, tuple[str, Routes]]:
    """The blueprints of the installed products by name, each with the name of its product.

    ours: the blueprints that belong to no product.
    Raises BadProduct for a shared name, and unless blueprints name just the kinds that may be asked for over HTTP.
    """
    found = list(installed.declared("routes", "BLUEPRINTS"))
    named = ((product, blueprint.name) for product, blueprint in found)
    owners("the blueprint", named, {blueprint.name for blueprint in ours})
    _agree(installed, Door.HTTP, [(product, kind) for product, blueprint in found for kind in blueprint.kinds])
    return {blueprint.name: (product, blueprint) for product, blueprint in found}


def menus_of(installed: Installed) -> Menus:
    """The main menu with the lines of the installed products.

    Raises BadProduct for a shared line or screen, and unless entries name just the kinds that may be dialled.
    """
    found: list[tuple[str, Entry]] = list(installed.declared("ussd", "ENTRIES"))
    ours = Menus(())
    owners(
        "the line of the main menu",
        ((product, entry.label) for product, entry in found),
        {entry.label for entry in ours.entries},
    )
    owners(
        "the screen",
        ((product, screen.name) for product, entry in found for screen in entry.screens),
        {*ours.screens, END},
    )
    _agree(installed, Door.USSD, [(product, kind) for product, entry in found for kind in entry.kinds])
    return Menus(entry for _, entry in found)


def check_paths(app: Flask, products: dict[str, tuple[str, Routes]]) -> None:
    """Raises BadProduct when a path of a product is another's too: the app would answer with the first of them."""
    ours: set[str] = set()
    theirs: list[tuple[str, str]] = []
    for rule in app.url_map.iter_rules():
        path = _VARIABLE.sub(">", rule.rule.rstrip("/"))
        blueprint = rule.endpoint.partition(".")[0]
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            if blueprint in products:
                theirs.append((products[blueprint][0], f"{method} {path}"))
            else:
                ours.add(f"{method} {path}")
    owners("the route", theirs, ours)


def _agree(installed: Installed, door: Door, asked: list[tuple[str, str]]) -> None:
    """Raises BadProduct unless the kinds that are asked for here are those whose contracts have this door."""
    for product, kind in asked:
        if kind not in installed.contracts or door not in installed.contracts[kind].doors:
            raise BadProduct(f"product {product!r} asks for the kind {kind!r} by {door}, but no contract has that door")
    for kind in installed.contracts.keys() - {kind for _, kind in asked}:
        if door in installed.contracts[kind].doors:
            owner = installed.kinds[kind]
            raise BadProduct(f"product {owner!r} opens the kind {kind!r} to {door}, but nothing there asks for it")
