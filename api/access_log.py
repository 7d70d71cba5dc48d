"""The access log: a line for each request that the app answers, without anything that the caller wrote."""

import time

import structlog
from flask import Flask, Response

from api.auth.callers import caller_or_none
from api.health import blueprint as health
from api.http.context import method_of, this_request
from api.http.correlation import HEADER, request_id
from core.settings import ANONYMOUS

MACHINE = "machine"

log = structlog.get_logger()


def register(app: Flask) -> None:
    """Has each answer carry its id, and be logged: probes at the level DEBUG, all others at INFO."""

    def note(response: Response) -> Response:
        id = response.headers[HEADER] = request_id()
        answered = this_request()
        began = answered.environ.get("quittance.start")
        write = log.debug if answered.blueprint == health.name else log.info
        write(
            "request",
            method=method_of(answered),
            path=answered.url_rule.rule if answered.url_rule else None,
            status=response.status_code,
            ms=began and round((time.perf_counter() - began) * 1000, 1),
            caller=_sort_of_caller(),
            request=id,
        )
        return response

    app.after_request(note)


def _sort_of_caller() -> str:
    caller = caller_or_none()
    if caller is None:
        return ANONYMOUS
    return caller.role.value if caller.role else MACHINE
