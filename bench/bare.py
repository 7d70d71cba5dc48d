"""A minimal Flask view, the baseline for accepting: it parses the JSON of a payment and answers."""

from flask import Flask, Response, jsonify, request

app = Flask(__name__)


@app.post("/amendes/payments/")
def pay() -> tuple[Response, int]:
    return jsonify(amount=request.json["amount"]), 202


@app.get("/healthz")
def healthz() -> Response:
    return jsonify(status="ok")
