"""Slow clients: what payments take while hundreds of connections are held on purpose."""

from collections.abc import Iterator

from bench.load import Load, paced
from bench.report import Figure
from bench.setups import Bench, InvalidMeasurement, check_stored, payments
from devtools.nginx import Nginx
from devtools.slow_clients import slow_clients

SLOW = 500
PER_S = 100
CONNECTIONS = 16
UNLIMITED = {"PROXY_REQUESTS_PER_S": "10000", "PROXY_BURST": "10000"}
"""The limits of requests per address: the load comes from one."""


def measure(bench: Bench) -> Iterator[Figure]:
    """Measures the p99 of POST through the proxy with and without slow clients. Every request has to be accepted."""
    with bench.stack({"TRUSTED_PROXIES": "1", "ALLOW_SANDBOX": "1", "ALLOW_SHORT_SECRETS": "1"}) as running:
        running.start(("mock_api", "api"))
        with Nginx(f"127.0.0.1:{running.api_port}", **UNLIMITED) as proxy:
            proxy.start()
            warm, unloaded = _load(proxy, 50), _load(proxy, bench.size(1500, 50))
            with slow_clients(proxy.port, bench.size(SLOW, 40), proxy.tls()) as held:
                loaded = _load(proxy, bench.size(1500, 50))
            check_stored(running, warm.accepted + unloaded.accepted + loaded.accepted)
    before, during = (load.percentile_s(0.99) * 1000 for load in (unloaded, loaded))
    note = f"{during:.1f} ms with {len(held)} slow connections, {before:.1f} ms without; {PER_S}/s through nginx"
    yield Figure("edge: p99 with slow clients", during / before, 2, "times", at_most=True, note=note)


def _load(proxy: Nginx, number: int) -> Load:
    load = paced(proxy.port, payments(number), PER_S, CONNECTIONS, proxy.tls())
    if load.accepted != number:
        raise InvalidMeasurement(f"not all of {number} requests were accepted: {load.statuses}")
    return load
