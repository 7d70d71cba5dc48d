"""The partners of one worker: one connection pool and one breaker each, by name."""

from collections.abc import Collection
from functools import cached_property, partial

from core.callbacks import Callbacks
from core.clock import Clock
from core.operators import OperatorSettings
from core.partner_health import PartnerHealth
from core.settings import Settings
from worker.partners.breaker import Breaker
from worker.partners.http import PartnerHttp
from worker.partners.operators.dialects import ADAPTERS
from worker.partners.operators.generic import REASONS
from worker.partners.operators.port import Operator, Operators


class Partners:
    """Creates the partners. Their breakers report to the partner health that the API shows."""

    def __init__(self, settings: Settings, clock: Clock, health: PartnerHealth, callbacks: Callbacks) -> None:
        self._settings = settings
        self._clock = clock
        self._health = health
        self._callbacks = callbacks
        self._connected: dict[str, tuple[PartnerHttp, Breaker]] = {}

    @cached_property
    def operators(self) -> Operators:
        """The mobile-money operators, which several products share."""
        table = self._settings.operators
        return Operators({each.name: self._operator(each) for each in table.operators}, table.default)

    def connect(self, name: str, url: str, reasons: Collection[str] = ()) -> tuple[PartnerHttp, Breaker]:
        """Returns the HTTP client and the breaker of a partner: the same ones, however often it is asked for.

        name: the partner's name in metrics and in `/readyz`.
        url: its base URL.
        reasons: its reasons for a refusal; any other reason becomes the code `declined`.
        """
        if name not in self._connected:
            http = PartnerHttp(url, self._settings.partner_timeout_s, self._settings.partner_calls, reasons)
            self._connected[name] = http, self._breaker(name, self._settings.partner_calls)
        return self._connected[name]

    def _operator(self, operator: OperatorSettings) -> Operator:
        return Operator(
            operator.name,
            ADAPTERS[operator.dialect](operator, operator_http(operator), self._clock),
            self._breaker(operator.name, operator.calls),
            self._clock,
            operator.settle_window_s,
            partial(self._callbacks.url, operator.callback_host, operator.name),
            partial(self._callbacks.about, operator.name),
        )

    def _breaker(self, name: str, calls: int) -> Breaker:
        return Breaker(name, self._clock, calls, self._health.report)


def operator_http(operator: OperatorSettings) -> PartnerHttp:
    """Returns the HTTP client of an operator, as it is configured."""
    user, password = operator.options.get("USER", ""), operator.options.get("PASSWORD", "")
    basic = (user, password) if operator.dialect == "generic" and user else None
    return PartnerHttp(operator.url, operator.timeout_s, operator.calls, REASONS, operator.certificate, basic)
