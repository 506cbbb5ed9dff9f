"""Run the application under gunicorn, in this process."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from reference.package_index.errors import BadInput


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, application: Flask, options: dict[str, Any]) -> None:
        self._application = application
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._application


def run(application: Flask, bind: str, threads: int) -> None:
    """Serve an application until SIGTERM or Ctrl-C.

    Args:
        application: The WSGI application.
        bind: `HOST:PORT`.
        threads: Number of requests that are answered at once.

    Raises:
        BadInput: The address has another form.
    """
    if not re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}", bind):
        raise BadInput(f"{bind!r} is not an address: write HOST:PORT")
    options = {"bind": bind, "worker_class": "gthread", "threads": threads, "accesslog": None, "loglevel": "warning"}
    _Server(application, options).run()
