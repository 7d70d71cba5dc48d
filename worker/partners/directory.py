"""The partners of one worker: one connection pool and one breaker each, by name."""

from collections.abc import Collection
from functools import cached_property

from core.clock import Clock
from core.partner_health import PartnerHealth
from core.settings import Settings
from worker.partners.breaker import Breaker
from worker.partners.http import PartnerHttp
from worker.partners.operators.generic import REASONS, Generic
from worker.partners.operators.port import Operator, Operators

OPERATOR = "operator"
"""The name of the only operator, where OPERATORS names none."""


class Partners:
    """Creates the partners. Their breakers report to the partner health that the API shows."""

    def __init__(self, settings: Settings, clock: Clock, health: PartnerHealth) -> None:
        self._settings = settings
        self._clock = clock
        self._health = health

    @cached_property
    def operators(self) -> Operators:
        """The mobile-money operators, which several products share."""
        http, breaker = self.connect(OPERATOR, self._settings.operator_url, REASONS)
        return Operators({OPERATOR: Operator(OPERATOR, Generic(http), breaker)}, OPERATOR)

    def connect(self, name: str, url: str, reasons: Collection[str] = ()) -> tuple[PartnerHttp, Breaker]:
        """Returns the HTTP client and the breaker of a partner. Call it once for each partner.

        name: the partner's name in metrics and in `/readyz`.
        url: its base URL.
        reasons: its reasons for a refusal; any other reason becomes the code `declined`.
        """
        http = PartnerHttp(url, self._settings.partner_timeout_s, self._settings.partner_calls, reasons)
        return http, Breaker(name, self._clock, self._settings.partner_calls, self._health.report)
