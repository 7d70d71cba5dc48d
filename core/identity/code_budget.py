"""How many codes by SMS anybody may ask for: whoever has many sent to phones of their choice earns by them.

An honest person asks for one or two. The limits are for each address, each account and the whole installation.
"""

from collections.abc import Collection

import structlog

from core.clock import Clock
from core.identity.windows import Window
from core.phone import region_of
from core.store.port import Store

OF_ADDRESS = (60, 3600)
"""Codes asked for from one address. Many people of a mobile network share one."""
OF_ACCOUNT = (10, 86400)
"""Codes asked for by one account, for whatever phones it names."""
HOUR_S = 3600
EVERYBODY = "everybody"

log = structlog.get_logger()


class CodeBudget:
    """Every verb raises StoreUnavailable.

    most: codes that the whole installation sends within an hour.
    regions: whose phones get codes (ISO 3166).
    prefixes: of phones that get codes as well, in E.164.
    """

    def __init__(
        self, store: Store, clock: Clock, most: int, regions: Collection[str], prefixes: Collection[str] = ()
    ) -> None:
        self._of_address = Window(store, clock, "codes of an address", *OF_ADDRESS)
        self._of_account = Window(store, clock, "codes of an account", *OF_ACCOUNT)
        self._of_all = Window(store, clock, "codes of the installation", most, HOUR_S)
        self._most = most
        self._regions, self._prefixes = regions, tuple(prefixes)

    def ask(self, address: str, account: str = "") -> None:
        """Counts what is asked for, whether it is sent or not. Raises TooManyAttempts.

        address: the part of it that one customer has; "" where it tells nothing. account: "" for nobody's.
        """
        if account:
            self._of_account.count(account)
        if address:
            self._of_address.count(address)

    def reaches(self, msisdn: str) -> bool:
        """Whether codes are sent to this phone. msisdn: in E.164."""
        return msisdn.startswith(self._prefixes) or region_of(msisdn) in self._regions

    def send(self) -> None:
        """Counts a code that is about to be sent. Raises TooManyAttempts, and logs an error."""
        if self._of_all.full(EVERYBODY):
            log.error("no_more_codes_this_hour", most=self._most, setting="CODES_PER_HOUR")
        self._of_all.count(EVERYBODY)
