"""The page for those who know another system is true: its calls are there, and so is what it says of the containers."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from werkzeug.routing import RequestRedirect

from core.bootstrap import event_queue
from core.broker.port import routing_key
from devtools.stack import ROOT
from ops.secret_files import FILES
from tests.api.kit import build

PAGE = (ROOT / "docs/coming-from.md").read_text()
CALLS = re.findall(r"`(GET|POST|PUT|PATCH) (/[^` ]*)`", PAGE)


def test_the_page_names_calls() -> None:
    assert len(CALLS) > 15


@pytest.mark.parametrize("slash", ["", "/"])
def test_every_call_is_there_with_and_without_the_last_slash(slash: str) -> None:
    routes = build().app.url_map.bind("")
    for method, path in CALLS:
        try:
            routes.match(re.sub(r"\{\w+\}", "x", path).rstrip("/") + slash, method)
        except RequestRedirect:
            assert path == "/docs"


def test_routing_keys_and_queues_are_as_the_page_says() -> None:
    rows = re.findall(r"^\| `/api/event/(\S+)` \| `(\S+)` \| `(\S+)` \|$", PAGE, re.MULTILINE)
    assert len(rows) == 3
    for path, key, queue in rows:
        topic = tuple(path.split("/"))
        assert (routing_key(topic), event_queue(topic)) == (key, queue)


def test_the_containers_are_reached_as_the_page_says() -> None:
    services = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text())["services"]
    (port,) = re.findall(r"mongodb://(127\.0\.0\.1:\d+)/", PAGE)
    assert services["mongo"]["ports"] == [f"{port}:27017"]
    (port,) = re.findall(r"<http://(127\.0\.0\.1:15672)>", PAGE)
    assert services["rabbitmq"]["ports"] == [f"{port}:15672"]
    made = FILES["rabbitmq.conf"].text(Path("/nowhere"))
    (user,) = re.findall(r"default_user = (\S+)", made)
    assert f"user `{user}`" in PAGE
    assert "`docker compose exec api cat /run/secrets/broker_url`" in PAGE
