"""The first Flask service: `POST /` calls the second, `GET /N` computes a Fibonacci number.

Run it with `python -m reference.service_telemetry.first`, or under gunicorn as
`reference.service_telemetry.first:create_app()`. The environment variable `SECOND` is the URL of the second service,
and `PORT` the port on which this service listens.
"""

from __future__ import annotations

import logging
import os
import random
import time
from http import HTTPStatus
from typing import Any

import requests
from flask import Flask

from .ending import exit_at_sigterm
from .instruments import counter

LARGEST = 31
"""The largest number that is computed, and that the load requests: the time doubles every 1.44 numbers."""
TIMEOUT = 30.0

logger = logging.getLogger(__name__)


def create_app(second: str | None = None) -> Flask:
    """Return the service.

    Args:
        second: URL of the second service; by default the environment variable `SECOND`.

    Raises:
        KeyError: Neither the URL nor the variable is given.
    """
    url = second or os.environ["SECOND"]
    app = Flask("first")
    received = counter("first.request.count", "Requests that the service received")

    @app.post("/")
    def post() -> Any:
        """Wait for up to a second, then return the answer of the second service."""
        received.add(1, {"env": "dev"})
        logger.info("calling the second service")
        time.sleep(random.random())  # noqa: S311  # stands for work of varying duration, no secret
        answer = requests.post(url, timeout=TIMEOUT)
        return answer.json(), answer.status_code

    @app.get("/<int:n>")
    def get(n: int) -> Any:
        """Return a Fibonacci number, computed through nested functions that a profile shows by name."""
        if n > LARGEST:
            return {"status": 400, "title": f"n is {n}: at most {LARGEST} is computed"}, HTTPStatus.BAD_REQUEST

        def _one(n: int) -> int:
            return _two(n)

        def _two(n: int) -> int:
            return _fibo(n)

        def _fibo(n: int) -> int:
            for smaller in range(1, n - 1):
                fibonacci(smaller)
            return fibonacci(n)

        return {"fibonacci": _one(n)}

    return app


def fibonacci(n: int) -> int:
    """Return the n-th Fibonacci number by its recursive definition, which is deliberately slow."""
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    exit_at_sigterm()
    create_app().run(port=int(os.environ["PORT"]))
