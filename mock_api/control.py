"""The control routes: what really happened, which faults come next, and a reset. They have no latency."""

import json
from collections.abc import Iterator

from flask import Blueprint, Response, request

from mock_api.desk import Desk
from mock_api.ledger import Effects
from mock_api.script import BadRule, read_rules

LISTS = ("debits", "refunds", "fines", "reopenings", "charges", "messages", "payouts")
CALLBACKS_SHOWN = 200


def blueprint(desk: Desk) -> Blueprint:
    """Returns `/_truth`, `/_callbacks`, `/_faults`, `/_reset` and `/healthz`."""
    routes = Blueprint("control", __name__)
    _mount_faults(routes, desk)

    @routes.get("/_truth")
    def truth() -> Response | tuple[dict[str, object], int]:
        since = request.args.get("since", "0")
        if not (since.isascii() and since.isdigit()):
            return {"error": "since must be the cursor of an earlier answer"}, 400
        cursor, calls, effects = desk.ledger.truth(int(since))
        if request.args.get("format") == "ndjson":
            return Response(_lines(effects), mimetype="application/x-ndjson")
        return Response(_document(effects, calls, cursor), mimetype="application/json")

    @routes.get("/_callbacks")
    def callbacks() -> dict[str, object]:
        return {"callbacks": desk.outbox.newest(CALLBACKS_SHOWN)}

    @routes.put("/_callbacks/<any(airtel,wave):dialect>")
    def register(dialect: str) -> tuple[dict[str, object], int]:
        body = request.get_json(silent=True, force=True)
        url = body.get("url") if isinstance(body, dict) else None
        if not isinstance(url, str) or (url and not url.startswith(("http://", "https://"))):
            return {"error": 'send {"url": "http..."}; an empty URL sends nothing'}, 422
        desk.notes.put(f"callback-url:{dialect}", url)
        return {"dialect": dialect, "url": url}, 200

    @routes.post("/_reset")
    def reset() -> dict[str, object]:
        desk.script.clear()
        desk.ledger.clear()
        return {"status": "ok"}

    @routes.get("/healthz")
    def health() -> dict[str, object]:
        return {"status": "ok"}

    return routes


def _mount_faults(routes: Blueprint, desk: Desk) -> None:
    @routes.post("/_faults")
    def add_faults() -> tuple[dict[str, object], int]:
        try:
            desk.script.add(read_rules(request.get_json(silent=True, force=True)))
        except BadRule as error:
            return {"error": str(error)}, 422
        return {"faults": desk.script.left()}, 200

    @routes.get("/_faults")
    def faults() -> dict[str, object]:
        return {"faults": desk.script.left()}

    @routes.delete("/_faults")
    def drop_faults() -> dict[str, object]:
        desk.script.clear()
        return {"faults": []}


def _lines(effects: Effects) -> Iterator[str]:
    for seq, kind, doc in effects(None):
        yield json.dumps({"seq": seq, "type": kind.removesuffix("s")} | json.loads(doc)) + "\n"


def _document(effects: Effects, calls: dict[str, int], cursor: int) -> Iterator[str]:
    # Piece by piece: a million effects must not be in memory at once.
    yield "{"
    for kind in LISTS:
        yield f'"{kind}": ['
        for index, (_, _, doc) in enumerate(effects(kind)):
            yield f", {doc}" if index else doc
        yield "], "
    yield f'"calls": {json.dumps(calls)}, "cursor": {cursor}}}'
