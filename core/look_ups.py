"""Looks up names that strangers gave us: few at once, so that slow name servers of one client hold up no other.

A look-up cannot be ended: a name server that is silent holds its thread for ten seconds and more. So a place is taken
before, and given back when the look-up itself ends, not when somebody stops waiting for it.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLate
from functools import partial

from core.native import NativePool, look_up_natively
from core.targets import Rules, Target, TargetRefused, is_literal, require_allowed

OF_ALL, OF_OWNER = 16, 2
"""Names that are looked up at once."""
PATIENCE_S = 1.0
"""How long a look-up waits for a place."""
BUSY_S = 5.0
"""After which to ask again if there was none."""
SLOW_S = 2.0
REST_S = 60.0
"""A name that was not found, and only after SLOW_S, is not looked up again for so long, whoever asks."""
MOST_RESTING = 10_000

Resolve = Callable[[str, int], Iterable[str]]
"""Returns the addresses of a host and a port. Raises OSError."""


class NotNow(Exception):
    """The name is not looked up now: there is no place, or the name rests. wait_s: when to ask again."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"ask again in {wait_s:.0f} s")
        self.wait_s = wait_s


class LookUps:
    """Names that are looked up. For any number of threads.

    of_all, of_owner: how many at once. patience_s: how long one waits for a place.
    elapsed: a monotonic clock, in seconds.
    """

    def __init__(
        self,
        resolve: Resolve = look_up_natively,
        of_all: int = OF_ALL,
        of_owner: int = OF_OWNER,
        patience_s: float = PATIENCE_S,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._resolve = resolve
        self._of_all, self._of_owner = of_all, of_owner
        self._patience_s = patience_s
        self._elapsed = elapsed
        self._pool = NativePool[list[str]](of_all, "look-up")
        self._changed = threading.Condition()
        self._flights: dict[tuple[str, int], tuple[Future[list[str]], float]] = {}
        """Each with the time at which it began."""
        self._taken: Counter[str] = Counter()
        self._resting: dict[str, float] = {}

    def addresses(self, target: Target, rules: Rules, owner: str, within_s: float) -> list[str]:
        """The addresses of a target, all of which may be called.

        owner: whose place it takes. Who asks for a name that is looked up right now gets what that finds.
        Raises TargetRefused if one of them may not be called, OSError when the name is not found in time, and NotNow.
        """
        found = [target.host] if is_literal(target) else self._found(target, owner, within_s)
        if not found:
            raise OSError("the name has no address")
        require_allowed(found, rules)
        return found

    def _found(self, target: Target, owner: str, within_s: float) -> list[str]:
        until = self._elapsed() + within_s
        looking, began = self._flight(target, owner, min(within_s, self._patience_s))
        try:
            return looking.result(max(0, until - self._elapsed()))
        except TooLate:
            if self._elapsed() - began >= SLOW_S:  # a look-up that waited for a place has less time
                self._rest(target.host)
            raise OSError("the name server did not answer in time") from None
        except UnicodeError:
            raise TargetRefused("must name a host.") from None

    def _flight(self, target: Target, owner: str, patience_s: float) -> tuple[Future[list[str]], float]:
        """The look-up of a name, which begins when there is a place, and when it began. Raises NotNow."""
        name, give_up_at = (target.host, target.port), self._elapsed() + patience_s
        with self._changed:
            while True:
                if (rests_s := self._resting.get(target.host, 0) - self._elapsed()) > 0:
                    raise NotNow(rests_s)
                if (flying := self._flights.get(name)) is not None:
                    return flying
                if self._taken[owner] < self._of_owner and self._taken.total() < self._of_all:
                    break
                if (left_s := give_up_at - self._elapsed()) <= 0:
                    raise NotNow(BUSY_S)
                self._changed.wait(left_s)
            self._taken[owner] += 1
            began = self._elapsed()
            looking = self._pool.submit(lambda: list(self._resolve(*name)))
            self._flights[name] = looking, began
        looking.add_done_callback(partial(self._landed, name, owner, began))
        return looking, began

    def _landed(self, name: tuple[str, int], owner: str, began: float, looking: Future[list[str]]) -> None:
        if looking.exception() is not None and self._elapsed() - began >= SLOW_S:
            self._rest(name[0])
        with self._changed:
            del self._flights[name]
            self._taken[owner] -= 1
            if not self._taken[owner]:
                del self._taken[owner]
            self._changed.notify_all()

    def _rest(self, host: str) -> None:
        with self._changed:
            self._resting.pop(host, None)
            self._resting[host] = self._elapsed() + REST_S
            while len(self._resting) > MOST_RESTING:
                del self._resting[next(iter(self._resting))]
