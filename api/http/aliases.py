"""Paths that lead to the same route: those under `/v1`, beside those that clients have known for long."""

from flask import Flask
from werkzeug.routing import Rule

from api.http.blueprint import Routes


def add_aliases(app: Flask) -> None:
    """Adds the other paths of all routes that have some. What is answered names the known path."""
    app.url_map.redirect_defaults = False  # an alias answers by itself
    for rule in list(app.url_map.iter_rules()):
        routes = app.blueprints.get(rule.endpoint.partition(".")[0])
        if isinstance(routes, Routes):
            for known, other in routes.also.items():
                if rule.rule == known or rule.rule.startswith(f"{known}/"):
                    path = other + rule.rule.removeprefix(known)
                    app.url_map.add(Rule(path, endpoint=rule.endpoint, methods=rule.methods, alias=True))
