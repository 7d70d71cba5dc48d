"""The mobile-money operators that are configured, and which of them serves a phone."""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import phonenumbers
from environs import validate
from marshmallow import ValidationError

from core.dialects import DIALECTS, Dialect
from core.environment import PARTNERS, PORT, Env, url_of
from core.errors import InvalidField, UnknownCurrency
from core.money import exponent

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
PREFIX = re.compile(r"\+[1-9][0-9]{0,14}")
ONLY = "operator"
"""The name of the only operator, where OPERATORS names none: it speaks our own contract."""
OPERATOR_NAMES = ("OPERATOR_URL", "OPERATOR_ASKS_PAYER", "DEFAULT_OPERATOR", "CALLBACK_HOST")
"""The variables besides OPERATORS that are not of one operator."""
SANDBOX = "sandbox"
"""Every credential at the sandbox."""


@dataclass(frozen=True)
class OperatorSettings:
    """One operator.

    currencies: those that it moves; empty for any.
    prefixes: the beginnings of its phones, in E.164.
    options: credentials and options of the dialect, by name.
    calls: in flight at once, per worker process.
    callback_host: the base URL of this installation as the operator reaches it; "" when it cannot.
    asks_payer: whether it has the payer approve each debit.
    certificate: the path of a client certificate with its key (PEM), for mutual TLS; "" for none.
    """

    name: str
    dialect: str
    url: str
    currencies: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    calls: int = 1
    timeout_s: float = 15
    settle_window_s: float = 30
    callback_host: str = ""
    certificate: str = ""
    asks_payer: bool = True


@dataclass(frozen=True)
class OperatorTable:
    """All operators.

    default: the operator of phones that none of the others serves; "" for none.
    """

    operators: tuple[OperatorSettings, ...]
    default: str = ""

    def route(self, phone: str, currency: str, asked: str | None = None) -> str:
        """Returns the name of the operator that moves this phone's money.

        phone: in E.164. asked: the operator that the request names.
        Raises InvalidField.
        """
        found = self.serving(phone, asked)
        if found.currencies and currency not in found.currencies:
            raise InvalidField("currency", f"{found.name} takes {' or '.join(found.currencies)}.")
        return found.name

    def serving(self, phone: str, asked: str | None = None) -> OperatorSettings:
        """Returns the operator that a request names, or else the one that serves the phone. Raises InvalidField."""
        return self.named(asked) if asked is not None else self._serving(phone)

    def by_number(self, phone: str) -> str | None:
        """The name of the operator that serves a phone by its number; None if that tells nothing. phone: in E.164."""
        with suppress(InvalidField):
            return self._serving(phone).name
        return None

    def named(self, asked: str) -> OperatorSettings:
        """Returns the operator of this name. Raises InvalidField."""
        for operator in self.operators:
            if operator.name == asked:
                return operator
        raise InvalidField("operator", f"No such operator. Known: {', '.join(each.name for each in self.operators)}.")

    def _serving(self, phone: str) -> OperatorSettings:
        """The longest prefix decides, then what carrier had the number's range, then the default."""
        served = [(len(p), each) for each in self.operators for p in each.prefixes if phone.startswith(p)]
        if served:
            return max(served, key=lambda pair: pair[0])[1]
        if len(self.operators) > 1:
            carrier = _carrier(phone)
            hinted = [each for each in self.operators if carrier.startswith(each.name.partition("-")[0])]
            if carrier and len(hinted) == 1 and not hinted[0].prefixes:
                return hinted[0]
        for operator in self.operators:
            if operator.name == self.default:
                return operator
        raise InvalidField("msisdn", "No operator serves this number.")


def _carrier(phone: str) -> str:
    """The carrier that a number's range was given to, in lower case; "" if unknown. Numbers may have moved since."""
    from phonenumbers import carrier  # noqa: PLC0415 (5 MB of tables, which one operator alone does not need)

    return str(carrier.name_for_number(phonenumbers.parse(phone), "en")).lower()


def read_operators(env: Env, calls: int, timeout_s: float, settle_window_s: float) -> OperatorTable:
    """Reads OPERATORS, and the variables of each operator. Errors are collected by `env`.

    calls, timeout_s, settle_window_s: the defaults.
    """
    names: list[str] = env.list("OPERATORS", [], validate=_names) or []
    claimed: dict[str, str] = {}
    if not names:
        url = env.partner("OPERATOR_URL", "/operator")
        asks_payer = env.bool("OPERATOR_ASKS_PAYER", DIALECTS["generic"].asks_payer)
        return only_operator(url, calls, timeout_s, settle_window_s, bool(asks_payer))
    default = env.str("DEFAULT_OPERATOR", names[0] if len(names) == 1 else "", validate=_one_of(names))
    host = env.str("CALLBACK_HOST", "", validate=url_of(PARTNERS)) or ""
    defaults = (claimed, host, calls, timeout_s, settle_window_s)
    return OperatorTable(tuple(_operator(env, name, *defaults) for name in names), default or "")


def only_operator(
    url: str, calls: int, timeout_s: float, settle_window_s: float, asks_payer: bool = True
) -> OperatorTable:
    """Returns the table of one operator that takes every phone, and speaks our own contract."""
    only = OperatorSettings(
        ONLY,
        "generic",
        url,
        calls=calls,
        timeout_s=timeout_s,
        settle_window_s=settle_window_s,
        asks_payer=asks_payer,
    )
    return OperatorTable((only,), ONLY)


def _operator(
    env: Env, name: str, claimed: dict[str, str], host: str, calls: int, timeout_s: float, settle_window_s: float
) -> OperatorSettings:
    prefix = name.upper().replace("-", "_")
    dialect = env.str(f"{prefix}_DIALECT", *_dialects_of(name), validate=validate.OneOf(DIALECTS))
    needs = DIALECTS.get(dialect or "", Dialect())
    given = env.str(f"{prefix}_URL", "")
    url = env.partner(f"{prefix}_URL", f"/{'operator' if dialect == 'generic' else dialect}")
    # The sandbox takes any credentials; without them, no real operator is called by mistake.
    options = {key: env.str(f"{prefix}_{key}", *([] if given else [SANDBOX])) or "" for key in needs.credentials}
    options |= {key: env.str(f"{prefix}_{key}", default) or "" for key, default in needs.options.items()}
    timeout_s = env.float(f"{prefix}_TIMEOUT_S", timeout_s, validate=validate.Range(0.05, 120))
    # The sandbox is on this machine, and so are we.
    local = "" if given else f"http://127.0.0.1:{env.int('API_PORT', 8080, validate=PORT)}"
    windows = [settle_window_s] if settle_window_s > (timeout_s or 0) else []  # else it has to be set
    return OperatorSettings(
        name,
        dialect or "",
        url or "",
        tuple(env.list(f"{prefix}_CURRENCY", [needs.currency] * bool(needs.currency), validate=_currencies) or ()),
        tuple(env.list(f"{prefix}_PREFIXES", [], validate=_prefixes(name, claimed)) or ()),
        options,
        env.int(f"{prefix}_CALLS", calls, validate=validate.Range(1, 5000)),
        timeout_s,
        env.float(f"{prefix}_SETTLE_WINDOW_S", *windows, validate=_longer_than(timeout_s)),
        (env.str(f"{prefix}_CALLBACK_HOST", host or local, validate=url_of(PARTNERS)) or "").rstrip("/"),
        env.str(f"{prefix}_CERTIFICATE", ""),
        bool(env.bool(f"{prefix}_ASKS_PAYER", needs.asks_payer)),
    )


def _dialects_of(name: str) -> list[str]:
    """The default, if there is one: the dialect that the operator is named after, such as `mtn` of `mtn-ci`."""
    named = [dialect for dialect in DIALECTS if name == dialect or name.startswith(f"{dialect}-")]
    return [max(named, key=len)] if named else []


def _names(names: list[str]) -> None:
    for name in names:
        if not NAME.fullmatch(name):
            raise ValidationError(f"{name!r} is no name of an operator: write small letters, digits and hyphens")
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValidationError(f"named twice: {', '.join(sorted(twice))}")


def _one_of(names: list[str]) -> Callable[[str], None]:
    def check(text: str) -> None:
        if text and text not in names:
            raise ValidationError(f"must be one of OPERATORS: {', '.join(names)}")

    return check


def _prefixes(name: str, claimed: dict[str, str]) -> Callable[[list[str]], None]:
    """A check that prefixes are beginnings of phones, and claimed by this operator alone."""

    def check(prefixes: list[str]) -> None:
        for prefix in prefixes:
            if not PREFIX.fullmatch(prefix):
                raise ValidationError(f"{prefix!r} is no beginning of a phone in E.164, such as +22505")
            if (other := claimed.setdefault(prefix, name)) != name:
                raise ValidationError(f"{prefix} is already claimed by {other}")

    return check


def _currencies(codes: list[str]) -> None:
    for code in codes:
        try:
            exponent(code)
        except UnknownCurrency:
            raise ValidationError(f"{code} is not an ISO 4217 currency") from None


def _longer_than(timeout_s: float | None) -> Callable[[float], None]:
    def check(seconds: float) -> None:
        if not (timeout_s or 0) < seconds <= 86400:
            raise ValidationError("must be longer than the timeout, and at most a day")

    return check
