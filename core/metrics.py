"""Metrics that both the API and workers have. Commands do not import it: its library takes long to import."""

from prometheus_client import Counter
from prometheus_client.core import GaugeMetricFamily

from core.release import release

# With a label: without one, the library would make its file at the import, before the API's server has its folder.
STORE_ERRORS = Counter("quittance_store_errors_total", "Requests and operations that the store failed", ["process"])


def build_info(process: str) -> GaugeMetricFamily:
    """The release that a process runs, as labels of a 1."""
    family = GaugeMetricFamily("quittance_build_info", "1, with the release as a label", labels=["process", "version"])
    family.add_metric([process, release()], 1)
    return family
