"""Refuses query parameters that a route does not declare: a list whose filter is not applied is a wrong answer."""

from collections.abc import Iterator

from flask import Flask, current_app
from webargs.flaskparser import abort

from api.http.blueprint import Routes
from api.http.context import this_request


def check_query() -> None:
    """The one place for all routes. Partners, gateways and browsers may add parameters to the others."""
    sent = this_request()
    routes = current_app.blueprints.get(sent.blueprint or "")
    if not sent.query_string or not isinstance(routes, Routes) or routes.any_query:
        return
    unknown = sent.args.keys() - routes.declared_query(str(sent.endpoint), sent.method)
    if unknown:
        abort(422, messages={"query": {name: ["Unknown parameter."] for name in sorted(unknown)}})


def guarded(app: Flask) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Yields the routes whose queries are checked: method, rule and declared parameters."""
    for rule in app.url_map.iter_rules():
        routes = app.blueprints.get(rule.endpoint.partition(".")[0])
        if isinstance(routes, Routes) and not routes.any_query and not rule.alias:
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield method, rule.rule, routes.declared_query(rule.endpoint, method)
