"""A service in front of HTTPBin: it receives a request, works for half a second, and posts to HTTPBin."""

from __future__ import annotations

import os

from flask import Flask

from .blueprint import httpbin
from .problems import as_problem


def create_app() -> Flask:
    """Return the application.

    It posts to the HTTPBin whose URL is in the environment variable `HTTPBIN`, by default the public one.
    """
    app = Flask(__name__)
    app.config["HTTPBIN"] = os.environ.get("HTTPBIN", "https://httpbin.org")
    app.register_blueprint(httpbin)
    app.register_error_handler(Exception, as_problem)
    return app
