from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def quiet_only_here() -> Iterator[None]:
    """The simulation silences the logs of its process, which is this one."""
    yield
    structlog.reset_defaults()
