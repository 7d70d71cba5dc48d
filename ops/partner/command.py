"""The command: reads the settings of one operator, asks for consent, and prints what the check finds."""

import time
from decimal import Decimal

import click
from rich.console import Console

from core.clock import SystemClock
from core.errors import InvalidAmount, InvalidPhone, UnknownCurrency
from core.log import configure
from core.money import exponent, format_minor, to_minor
from core.operators import OperatorSettings
from core.phone import to_e164
from core.settings import BadSettings, read_settings
from devtools.as_json import json_option, print_json
from ops.partner.check import MAX_DEBITS, check
from ops.partner.connection import Skew, adapters, is_local, reach, sandbox_record
from ops.partner.report import as_json as report_as_json
from ops.partner.report import as_tables
from ops.partner.subject import Subject

MARKETS = {
    "mtn": ("+2250507000011", "XOF"),
    "mvola": ("+261340000011", "MGA"),
    "airtel": ("+243977000011", "CDF"),
    "orange-cm": ("+237699000011", "XAF"),
    "orange-webpay": ("+2250707000011", "XOF"),
    "daraja": ("+254708000011", "KES"),
    "wave": ("+221770000011", "XOF"),
}
"""A phone that can pay at the sandbox, and a currency, of each dialect's market."""
MARKET = ("+2250707000011", "XOF")
"""For dialects of any market."""
CHEAP = ("CDF", "MGA")
"""Currencies with decimals whose main unit is worth almost nothing."""


@click.command("check")
@click.argument("name", metavar="OPERATOR")
@click.option("--phone", help="The phone to debit, in E.164. Default at the local sandbox: a phone that can pay.")
@click.option("--amount", help="In main units. Default: 100, or 1 where that is not small.")
@click.option("--currency", help="Default: the operator's first currency, or XOF.")
@click.option("--yes", is_flag=True, help="Do not ask for consent.")
@click.option(
    "--longest-s", type=click.FloatRange(1, 3600), default=180, help="How long each outcome is waited for, in seconds."
)
@json_option
def check_operator(
    name: str, phone: str | None, amount: str | None, currency: str | None, yes: bool, longest_s: float, as_json: bool
) -> None:
    """Test whether an operator keeps what its adapter relies on. Debits a phone several times, with consent.

    OPERATOR is a name of the setting OPERATORS; "operator" where there is none. Exits 1 if something is unsafe.
    """
    operator = _configured(name)
    record, clock = sandbox_record(operator.url), SystemClock()
    here = record is not None and is_local(operator.url)
    usual_phone, usual_currency = MARKETS.get(operator.dialect, MARKET)
    if phone is None and not here:
        raise click.UsageError("--phone is needed: this is not the sandbox on this machine")
    currency = currency or next(iter(operator.currencies), usual_currency if here else "XOF")
    phone, minor = _phone(phone or usual_phone), _minor(amount, currency)
    if not yes:
        sum_ = f"{format_minor(minor, currency)} {currency}"
        asked = f"This may debit {sum_} from {phone} up to {MAX_DEBITS} times, once with 1 {currency} more. Go on?"
        click.confirm(asked, abort=True, err=True)
    skew = Skew(clock)
    right, wrong = adapters(operator, clock, skew)
    subject = Subject(
        operator=operator,
        dialect=right,
        wrong=wrong,
        phone=phone,
        minor=minor,
        currency=currency,
        clock=clock,
        sleep=time.sleep,
        longest_s=longest_s,
        reach=reach(operator.url),
        skew_s=skew.seconds,
        record=record or (lambda: None),
        show=_show,
    )
    report = check(subject)
    if as_json:
        print_json(report_as_json(subject, report))
    else:
        Console().print(as_tables(subject, report))
    raise SystemExit(1 if report.is_unsafe else 0)


def _configured(name: str) -> OperatorSettings:
    try:
        table = read_settings().operators
    except BadSettings as error:
        raise click.ClickException(str(error)) from None
    configure("partner", "WARNING")
    for operator in table.operators:
        if operator.name == name:
            return operator
    known = ", ".join(each.name for each in table.operators)
    raise click.BadParameter(f"no operator is called {name!r}. Known: {known}", param_hint="OPERATOR")


def _phone(text: str) -> str:
    try:
        phone = to_e164(text, "ZZ")
    except InvalidPhone:
        raise click.BadParameter("it must be a phone in E.164, such as +2250707000001", param_hint="--phone") from None
    return phone


def _minor(amount: str | None, currency: str) -> int:
    try:
        small = "100" if exponent(currency) == 0 or currency in CHEAP else "1"
        return to_minor(Decimal(amount or small), currency)
    except UnknownCurrency:
        raise click.BadParameter(f"{currency} is not an ISO 4217 currency", param_hint="--currency") from None
    except (InvalidAmount, ArithmeticError):
        raise click.BadParameter(f"{amount} is no amount in {currency}", param_hint="--amount") from None


def _show(page: str, text: str) -> None:
    """Tells the person at the terminal what to do; the report has standard output for itself."""
    click.echo(f"{text} Open {page}" if page else text, err=True)
