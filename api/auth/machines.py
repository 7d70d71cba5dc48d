"""Tokens for machines: OAuth's client credentials grant (RFC 6749, section 4.4). The secret is an API key.

The client id is the id of the key. The token is good while the key is, from the key's networks, for its topics.
"""

from urllib.parse import unquote_plus

from flask import Response, g, jsonify, request

from api.auth.tokens import MACHINE_LIFETIME_S, MachineClaims, tokens
from api.http.context import core
from api.http.errors import BadRequest, HttpError, Unauthenticated, problem, status_of
from api.limits import GUESSES, KEYS, limits
from core.clock import from_rfc3339
from core.identity.api_keys import ApiKey, digest_of, looks_like_key
from core.ids import is_id


class InvalidClient(Unauthenticated):
    """The client id and secret are not the id and the text of a key that is good from this address."""

    code = "invalid_client"

    def __init__(self) -> None:
        super().__init__(challenge='Basic realm="quittance"')


class InvalidTokenRequest(BadRequest):
    """The request for a token is not well-formed."""

    code = "invalid_request"


class InvalidScope(BadRequest):
    """The key does not have all of these scopes."""

    code = "invalid_scope"


class UnsupportedGrant(BadRequest):
    """The grant_type has to be client_credentials for a machine, and password for a person."""

    code = "unsupported_grant_type"


REFUSALS = (InvalidClient, InvalidTokenRequest, InvalidScope, UnsupportedGrant)


def refuse(refused: HttpError) -> Response:
    """The answer to a request for a token that is refused."""
    response = problem(
        status_of(type(refused)), refused.code, refused.message, error=refused.code, error_description=refused.message
    )
    response.mimetype = "application/json"
    response.headers.update(refused.headers)
    return response


def machine_token() -> Response:
    """A token for the key in the request. Raises one of REFUSALS, and TooManyRequests."""
    g.act = "machine token"
    form = request.form
    if any(len(values) > 1 for _, values in form.lists()):
        raise InvalidTokenRequest("A parameter was sent more than once.")
    key, secret = _authenticate()
    wanted = form.get("scope")
    scopes = frozenset(wanted.split(" ")) if wanted else key.scopes
    if not scopes <= key.scopes:
        raise InvalidScope(f"The key does not have all of these scopes. It has: {' '.join(sorted(key.scopes))}.")
    lifetime_s = _lifetime_s(key)
    token = tokens().issue_to_machine(key.client, MachineClaims(key.id, digest_of(secret), scopes), lifetime_s)
    said = {"access_token": token, "token_type": "Bearer", "expires_in": lifetime_s}
    response = jsonify(**said, scope=" ".join(sorted(scopes)))
    response.headers.update({"Cache-Control": "no-store", "Pragma": "no-cache"})  # RFC 6749, section 5.1
    return response


def _authenticate() -> tuple[ApiKey, str]:
    """The key of the request, and its text. Raises InvalidClient, InvalidTokenRequest and TooManyRequests."""
    id, secret = _shown()
    if is_id(id):
        g.account = id  # nothing else: whoever mixes them up sends the secret as the id
    with limits().guess(secret, KEYS if looks_like_key(secret) else GUESSES):
        key = core().api_keys.look_up(secret, request.remote_addr or "")
        if key is None or key.id != id:
            raise InvalidClient
    return key, secret


def _shown() -> tuple[str, str]:
    """The client id and secret that the request shows (section 2.3.1). Raises InvalidTokenRequest."""
    form, basic = request.form, request.authorization
    if basic is None or basic.type != "basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    id, secret = unquote_plus(basic.username or ""), unquote_plus(basic.password or "")
    if "client_secret" in form or form.get("client_id", id) != id:
        raise InvalidTokenRequest("Send the client id and secret once: by HTTP Basic, or in the form.")
    return id, secret


def _lifetime_s(key: ApiKey) -> int:
    if key.expires_at is None:
        return MACHINE_LIFETIME_S
    left = from_rfc3339(key.expires_at) - core().clock.now()
    return min(MACHINE_LIFETIME_S, int(left.total_seconds()))
