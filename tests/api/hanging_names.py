"""The API's process while one client names URLs whose name servers are silent. Prints how others fare meanwhile.

Prints the statuses of a payment and of a sign-in, and how many of 16 names are looked up.
"""

from gevent import monkey

monkey.patch_all()

import os  # noqa: E402 - after the patch
import sys  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import gevent  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[2]))

from core.native import sleep_natively  # noqa: E402
from tests.answers import client_of  # noqa: E402
from tests.api.kit import PASSWORD, body, build  # noqa: E402
from tests.api.webhook_kit import ENDPOINTS, shop  # noqa: E402

asked: list[str] = []


def silent(host: str, *_: Any, **__: Any) -> Any:
    asked.append(host)
    while True:
        sleep_natively(0.01)


house = build(store_url="mongodb://x")
house.core.people.register("awa", PASSWORD)
callers = [shop(house) for _ in range(16)]
vars(monkey)["saved"]["socket"]["getaddrinfo"] = silent
for number, caller in enumerate(callers):
    gevent.spawn(caller.post, ENDPOINTS, {"url": f"https://slow{number}.example/"})
while len(asked) < 4:
    gevent.sleep(0.001)
with gevent.Timeout(20):
    paid = client_of(house.app).post("/amendes/payments/", json=body())
    signed_in = client_of(house.app).post("/v1/auth/token", data={"username": "awa", "password": PASSWORD})
sys.stdout.write(f"\n{paid.status_code} {signed_in.status_code} {len(asked)} of {len(callers)}")
sys.stdout.flush()
os._exit(0)  # the look-ups never end
