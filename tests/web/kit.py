"""The pages, on a house: the API's app with the pages beside it."""

from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from tests.api.kit import House, build
from web.app import create_app

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


def with_pages(**changes: Any) -> tuple[House, FlaskClient]:
    """A house, and a browser without JavaScript at its pages. changes: of the settings."""
    house = build(**changes)
    app: Flask = create_app(house.core)
    client = app.test_client()
    return house, client
