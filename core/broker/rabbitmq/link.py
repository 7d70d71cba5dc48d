"""One connection to RabbitMQ with one channel, on an I/O thread of its own, opened again whenever it is lost.

Of several addresses, the first one is drawn, so that processes spread over a cluster. Each loss leads to the next.
"""

import random
import threading
import time
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Protocol

import structlog
from pika import SelectConnection
from pika.adapters.select_connection import IOLoop
from pika.channel import Channel
from pika.connection import Parameters

log = structlog.get_logger(__name__)

BACKOFF_MIN_S = 0.5
BACKOFF_MAX_S = 10.0
# A connection that lasted this long was a good one: the next loss is not the same trouble going on.
STEADY_S = BACKOFF_MAX_S


class State(Enum):
    OPENING = "opening"
    """The first attempt has not ended yet."""
    UP = "up"
    DOWN = "down"
    """Lost, refused, or blocked by the server, which happens when it runs out of memory or disk."""


class Peer(Protocol):
    """The user of a link. Every method is called on the link's I/O thread."""

    def opened(self, channel: Channel) -> None:
        """There is a new channel; nothing of the old one holds any more."""

    def work(self) -> None:
        """Do what other threads left to do. Called after each wake(), after opened(), and once more before closing."""

    def lost(self) -> None:
        """The channel is gone, or there was none."""


class Link:
    """Its threads' only shared state is a flag and a reference: wake() is cheap enough to call for each message."""

    def __init__(self, addresses: Sequence[Parameters], peer: Peer, name: str) -> None:
        self.state = State.OPENING
        self._addresses = addresses
        self._attempt = random.randrange(len(addresses))
        self._peer = peer
        self._closing = threading.Event()
        self._woken = False
        self._loop: IOLoop | None = None
        self._connection: SelectConnection | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Has the peer's work() called soon, once for any number of wakes before it. From any thread; never blocks."""
        if not self._woken:
            self._woken = True
            if loop := self._loop:
                loop.add_callback_threadsafe(self._work)

    def later(self, delay_s: float, call: Callable[[], object]) -> None:
        """Calls back later on the I/O thread, if the connection still exists. Call it from the I/O thread only."""
        if self._loop is not None:
            self._loop.call_later(delay_s, call)

    def close(self, timeout_s: float) -> None:
        """Closes the connection in an orderly way, or drops it when that takes too long."""
        self._closing.set()
        if loop := self._loop:
            loop.add_callback_threadsafe(self._shut)
        self._thread.join(timeout_s)
        if self._thread.is_alive() and (loop := self._loop):
            loop.add_callback_threadsafe(loop.stop)
            self._thread.join(timeout_s)

    def _run(self) -> None:
        failures = 0
        while not self._closing.is_set():
            began_s = time.monotonic()
            try:
                self._serve()
            except Exception:
                if not self._closing.is_set():  # else pika minds that its connection was closed while it opened
                    log.exception("broker_link_broke")
            self.state = State.DOWN
            self._peer.lost()
            failures = 0 if time.monotonic() - began_s > STEADY_S else failures + 1
            self._attempt += 1
            self._closing.wait(backoff_s(failures // len(self._addresses)))

    @property
    def _address(self) -> Parameters:
        return self._addresses[self._attempt % len(self._addresses)]

    @property
    def _server(self) -> str:
        return f"{self._address.host}:{self._address.port}"

    def _serve(self) -> None:
        """One connection, until it is gone. It has a loop of its own: whatever breaks, the next one begins anew."""
        loop = self._loop = IOLoop()
        try:
            self._connection = SelectConnection(
                self._address, self._opened, self._ended, self._ended, custom_ioloop=loop
            )
            if self._closing.is_set():
                self._shut()
            loop.start()
        finally:
            self._loop = self._connection = None
            loop.close()

    def _opened(self, connection: SelectConnection) -> None:
        connection.add_on_connection_blocked_callback(lambda *_: self._blocked())
        connection.add_on_connection_unblocked_callback(lambda *_: self._unblocked())
        connection.channel(on_open_callback=self._channel_opened)

    def _channel_opened(self, channel: Channel) -> None:
        channel.add_on_close_callback(self._channel_closed)
        self.state = State.UP
        log.info("broker_connected", link=self._thread.name, server=self._server)
        self._peer.opened(channel)
        self._work()

    def _channel_closed(self, _: Channel, reason: Exception) -> None:
        connection = self._connection
        if connection is not None and connection.is_open:
            log.warning("broker_channel_closed", link=self._thread.name, reason=str(reason))
            connection.close()

    def _blocked(self) -> None:
        log.warning("broker_blocked", link=self._thread.name)
        self.state = State.DOWN

    def _unblocked(self) -> None:
        self.state = State.UP
        self._work()

    def _ended(self, _: SelectConnection, reason: BaseException) -> None:
        if not self._closing.is_set():
            reason_given = str(reason) or repr(reason)
            log.warning("broker_not_connected", link=self._thread.name, server=self._server, reason=reason_given)
        if self._loop is not None:
            self._loop.stop()

    def _work(self) -> None:
        # Before the work, not after: what comes in while it is done needs another wake.
        self._woken = False
        self._peer.work()

    def _shut(self) -> None:
        self._work()
        connection = self._connection
        if connection is not None and not (connection.is_closing or connection.is_closed):
            connection.close()


def backoff_s(failures: int) -> float:
    """The wait after consecutive failures, in seconds: doubled each time, with jitter, so that a fleet does not
    reconnect at one moment."""
    longest_s = min(BACKOFF_MAX_S, BACKOFF_MIN_S * 2 ** min(failures, 10))
    return random.uniform(longest_s / 2, longest_s)
