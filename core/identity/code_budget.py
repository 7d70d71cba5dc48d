"""How many codes by SMS anybody may ask for: whoever has many sent to phones of their choice earns by them.

An honest person asks for one or two. The limits are for each address, each account and the whole installation, and only
what is sent counts.
"""

from collections.abc import Collection

import structlog

from core.clock import Clock
from core.identity.windows import Window, count_all
from core.phone import region_of
from core.store.port import Store

OF_ADDRESS = (60, 3600)
"""Codes for one purpose that people whom we do not know have sent from one address. Many people of a mobile network
share one."""
OF_ACCOUNT = (10, 86400)
"""Codes that one account has sent, to whatever phones it names."""
KEPT = 3
"""One of so many codes of the installation is kept for people whom we know: strangers do not use it up."""
HOUR_S = 3600
EVERYBODY = "everybody"

log = structlog.get_logger()


class CodeBudget:
    """Every verb raises StoreUnavailable.

    what: the purpose of the codes.
    most: codes that the whole installation sends within an hour.
    regions: whose phones get codes (ISO 3166).
    prefixes: of phones that get codes as well, in E.164.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        what: str,
        most: int,
        regions: Collection[str],
        prefixes: Collection[str] = (),
    ) -> None:
        self._of_address = Window(store, clock, f"codes {what} of an address", *OF_ADDRESS)
        self._of_account = Window(store, clock, f"codes {what} of an account", *OF_ACCOUNT)
        self._of_strangers = Window(store, clock, "codes of strangers", most - most // KEPT, HOUR_S)
        self._of_all = Window(store, clock, "codes of the installation", most, HOUR_S)
        self._most = most
        self._regions, self._prefixes = regions, tuple(prefixes)

    def reaches(self, msisdn: str) -> bool:
        """Whether codes are sent to this phone. msisdn: in E.164."""
        return msisdn.startswith(self._prefixes) or region_of(msisdn) in self._regions

    def spend(self, address: str, account: str = "", known: bool = False) -> None:
        """Counts a code that is about to be sent. What is refused uses up nothing.

        address: the part of it that one customer has; "" where it tells nothing.
        account: that asks; "" for nobody's.
        known: whether it is somebody whom we know. Then nothing counts for the address.
        Raises TooManyAttempts, and logs an error when the installation has no more.
        """
        of_all = [self._of_all] if known else [self._of_strangers, self._of_all]
        if any(window.full(EVERYBODY) for window in of_all):
            log.error("no_more_codes_this_hour", most=self._most, for_known=known, setting="CODES_PER_HOUR")
        counts = [(self._of_account, account)] if account else []
        counts += [(self._of_address, address)] if address and not known else []
        count_all([*counts, *((window, EVERYBODY) for window in of_all)])
