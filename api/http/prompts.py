"""The limits of what a request may ask a phone's owner to approve."""

from dataclasses import replace
from ipaddress import ip_address

from flask import request

from api.auth.callers import caller_or_none, known_by_token
from api.http.context import core
from api.http.errors import Forbidden
from core.identity.guesses import network
from core.identity.people import Person
from core.prompts import Limit, Prompt

HOUR_S = 3600


class PayerNotAsked(Forbidden):
    """This operator debits a phone without asking its owner: only a client with a key may ask for it."""

    code = "payer_not_asked"


def prompt_of(msisdn: str, operator: str, step: str) -> Prompt | None:
    """The limits of a debit of this phone; None for a machine that is known by its key.

    operator: the name of the one that debits; step: the step that debits.
    What the phone's proven owner asks for has a limit of its own, which nobody else uses up; on a route for anyone they
    are known by their token. Others are limited by the phone, and on such a route by the address too.
    Raises TooManyRequests for somebody who guesses tokens.
    """
    known, settings = caller_or_none(), core().settings
    if known is not None and known.person is None:
        return None
    named, table = known or known_by_token(), settings.operators
    asked = Prompt(msisdn, step, settings.open_debits_per_phone, operator=operator, served_by=table.by_number(msisdn))
    if named is not None and named.person is not None and _owns(named.person, msisdn):
        return replace(asked, by_owner=True)
    address = request.remote_addr or ""
    limits = (Limit("debits of an address", network(address), settings.debits_per_address, HOUR_S),)
    # Behind a proxy that is not trusted, everybody has the address of this machine.
    is_limited = known is None and not _is_this_machine(address)
    return replace(asked, an_hour=settings.debits_per_phone_per_hour, limits=limits if is_limited else ())


def _owns(person: Person, msisdn: str) -> bool:
    return person.phone_proven and person.msisdn == msisdn


def refuse_unasked(operator: str) -> None:
    """Refuses a debit that its payer would not be asked about; a machine that is known by its key answers for it.

    operator: its name. Raises PayerNotAsked.
    """
    if not core().settings.operators.named(operator).asks_payer and caller_or_none() is None:
        raise PayerNotAsked


def _is_this_machine(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return True
