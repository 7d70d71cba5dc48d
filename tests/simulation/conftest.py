import logging

import pytest
import structlog


@pytest.fixture(autouse=True)
def _quiet() -> None:
    """What is planted here goes wrong thousands of times; nobody reads the logs of that."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
