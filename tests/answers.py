"""Answers of our apps in the process of a test, typed: every body that a test reads is a JSON object."""

from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse


class Answer(TestResponse):
    """What an app has answered."""

    @property
    def json(self) -> dict[str, Any]:
        """The JSON object in the body. Fails where there is none."""
        content = self.get_json()
        assert isinstance(content, dict), self.get_data(as_text=True)
        return content


class Client(FlaskClient):
    """Flask's client, whose answers are ours."""

    def open(self, *args: Any, buffered: bool = False, follow_redirects: bool = False, **kwargs: Any) -> Answer:
        answer = super().open(*args, buffered=buffered, follow_redirects=follow_redirects, **kwargs)
        assert isinstance(answer, Answer)
        return answer

    def get(self, *args: Any, **kwargs: Any) -> Answer:
        return self.open(*args, **kwargs, method="GET")

    def post(self, *args: Any, **kwargs: Any) -> Answer:
        return self.open(*args, **kwargs, method="POST")

    def put(self, *args: Any, **kwargs: Any) -> Answer:
        return self.open(*args, **kwargs, method="PUT")

    def delete(self, *args: Any, **kwargs: Any) -> Answer:
        return self.open(*args, **kwargs, method="DELETE")


def client_of(app: Flask) -> Client:
    """A new client of this app: no cookies, no connection."""
    return Client(app, Answer)
