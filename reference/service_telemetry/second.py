"""The second Flask service: `POST /` calls the endpoint `/delay` of HTTPBin and times it.

Run it with `python -m reference.service_telemetry.second`, or under gunicorn as
`reference.service_telemetry.second:create_app()`. The environment variable `HTTPBIN` is the URL of HTTPBin, and `PORT`
the port on which this service listens.
"""

from __future__ import annotations

import logging
import os
from typing import Any

import requests
from flask import Flask

from .ending import exit_at_sigterm
from .instruments import durations, timed

TIMEOUT = 20.0


def create_app(httpbin: str | None = None, delay: float = 0) -> Flask:
    """Return the service.

    Args:
        httpbin: URL of HTTPBin; by default the environment variable `HTTPBIN`.
        delay: Seconds that HTTPBin is asked to wait.

    Raises:
        KeyError: Neither a URL nor the variable is given.
    """
    url = httpbin or os.environ["HTTPBIN"]
    app = Flask("second")
    latency = durations("httpbin.latency", "Time that HTTPBin takes")

    @app.post("/")
    def post() -> Any:
        """Return the answer of HTTPBin."""
        with timed(latency, {"env": "dev"}):
            answer = requests.post(f"{url}/delay/{delay:g}", timeout=TIMEOUT)
        return answer.json(), answer.status_code

    return app


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    exit_at_sigterm()
    create_app().run(port=int(os.environ["PORT"]))
