"""Paths that lead to the same route: those under `/v1`, beside those that clients have known for long."""

from collections.abc import Iterator

from flask import Flask
from werkzeug.routing import Rule

from api.http.blueprint import Routes


def add_aliases(app: Flask) -> None:
    """Adds the other paths of all routes that have some. What is answered names the known path."""
    app.url_map.redirect_defaults = False  # an alias answers by itself
    for rule, path in list(_others(app)):
        app.url_map.add(Rule(path, endpoint=rule.endpoint, methods=rule.methods, alias=True))


def aliases(app: Flask) -> Iterator[tuple[str, str]]:
    """The known paths that have another one, each with it."""
    return ((rule.rule, path) for rule, path in _others(app) if not rule.alias)


def _others(app: Flask) -> Iterator[tuple[Rule, str]]:
    for rule in app.url_map.iter_rules():
        routes = app.blueprints.get(rule.endpoint.partition(".")[0])
        if isinstance(routes, Routes):
            for known, other in routes.also.items():
                if rule.rule == known or rule.rule.startswith(f"{known}/"):
                    yield rule, other + rule.rule.removeprefix(known)
