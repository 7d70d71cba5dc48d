"""Flask, marshmallow, and one synchronous SQLite insert with a unique hash."""

import hashlib
import json
import os
import sqlite3
import threading
import uuid
from pathlib import Path

from flask import Flask, Response, jsonify, request

from bench.peers.body import Payment

PATH = Path(os.environ["VAR_DIR"]) / "naive.sqlite"
SCHEMA = Payment()

app = Flask(__name__)
_local = threading.local()


def connection() -> sqlite3.Connection:
    """Returns this thread's connection, durable as ours is."""
    found: sqlite3.Connection | None = getattr(_local, "connection", None)
    if found is None:
        found = _local.connection = sqlite3.connect(PATH, timeout=30, isolation_level=None)
        found.execute("PRAGMA journal_mode=WAL")
        found.execute("PRAGMA synchronous=FULL")
        found.execute("CREATE TABLE IF NOT EXISTS payments (id TEXT PRIMARY KEY, hash TEXT UNIQUE, body TEXT)")
    return found


@app.post("/amendes/payments/")
def pay() -> tuple[Response, int]:
    payment = SCHEMA.load(request.json)
    text = json.dumps(payment, sort_keys=True)
    digest, id = hashlib.sha256(text.encode()).hexdigest(), str(uuid.uuid4())
    connection().execute("INSERT OR IGNORE INTO payments VALUES (?, ?, ?)", (id, digest, text))
    return jsonify(id=id, status="accepted"), 202


@app.get("/healthz")
def healthz() -> Response:
    return jsonify(status="ok")
