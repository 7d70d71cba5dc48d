"""Where a request comes from: the proxies in front of us, the host that it was sent to, and the page that sent it."""

from urllib.parse import urlsplit

from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix

from api.http.errors import BadRequest, Forbidden
from core.settings import Settings

LOCAL_HOSTS = ("localhost", "127.0.0.1")
"""Always trusted: health checks use them, and no name server can give them away."""
READING = frozenset({"GET", "HEAD", "OPTIONS"})


def check_provenance(app: Flask, settings: Settings) -> None:
    """Has the app believe as many proxies as the settings count, and refuse hosts and pages that are not ours.

    An open installation asks nobody who they are. A page of another site could make its reader's browser call it: by a
    form, or under a name that resolves to this machine (DNS rebinding).
    """
    if proxies := settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, proxies, proxies, proxies)  # type: ignore[method-assign]
    if settings.trusted_hosts or (settings.local and ":" not in settings.api_host):  # Flask's list knows no IPv6
        app.config["TRUSTED_HOSTS"] = [*settings.trusted_hosts, *LOCAL_HOSTS]
    app.before_request(_refuse_without_host)
    if settings.open:
        app.before_request(_refuse_other_sites)


def _refuse_without_host() -> None:
    """A request of HTTP/1.1 names the host that it is for (RFC 9112, section 3.2)."""
    if not request.environ.get("HTTP_HOST") and request.environ.get("SERVER_PROTOCOL") == "HTTP/1.1":
        raise BadRequest("The request has no Host.")


def _refuse_other_sites() -> None:
    origin = request.headers.get("Origin")
    if request.method not in READING and origin is not None and _host_of(origin) != request.host:
        raise Forbidden("A page of another site sent this request.")


def _host_of(origin: str) -> str | None:
    """The host and port of an origin; None for what is none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:  # such as "http://["
        return None
