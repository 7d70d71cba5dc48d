"""The typed client of Quittance. `quittance_client.webhooks` needs the extra `webhooks`."""

from quittance_client.client import Client
from quittance_client.connection import Retries
from quittance_client.problem import NO_ANSWER, Problem

__all__ = ["NO_ANSWER", "Client", "Problem", "Retries"]
