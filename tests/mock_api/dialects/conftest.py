"""A fresh sandbox for each test: with the dialects that the test is about, so that it starts fast."""

from pathlib import Path

import pytest

from mock_api.app import DIALECTS
from tests.mock_api.dialects.drivers import Driver
from tests.sandbox import Sandbox


@pytest.fixture
def sandbox(tmp_path: Path, request: pytest.FixtureRequest) -> Sandbox:
    """Speaks the dialect of the parameter `driver`, or those that the module names in SPOKEN, or all."""
    spoken: set[str] = getattr(request.module, "SPOKEN", set())
    if hasattr(request.node, "callspec") and isinstance(driver := request.node.callspec.params.get("driver"), Driver):
        spoken = {driver.name}
    return Sandbox(tmp_path, [each for each in DIALECTS if not spoken or each.manner.dialect in spoken])
