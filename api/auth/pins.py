"""The app's PINs, which the menus and HTTP share."""

from flask import current_app

from core.identity.pins import Pins


def pins() -> Pins:
    """The app's PINs."""
    found: Pins = current_app.extensions["pins"]
    return found
