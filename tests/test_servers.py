"""Ports for servers of tests: nobody gets one that somebody else is about to use."""

import os
import time
from pathlib import Path

import pytest

from devtools import servers
from devtools.servers import CHOSEN_S, free_ports

FIRST, COUNT = 31_900, 20


def test_a_chosen_port_is_not_chosen_again_before_its_server_can_have_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(servers, "PORTS", tmp_path / "ports")
    monkeypatch.setattr(servers, "LISTENING", (FIRST, FIRST + COUNT))
    first, second = free_ports(5), free_ports(5)
    assert len({*first, *second}) == 10
    for port in first:
        os.utime(tmp_path / "ports" / str(port), times=(0, time.time() - CHOSEN_S - 1))
    assert len({*second, *free_ports(5)}) == 10
