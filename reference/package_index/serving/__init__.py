"""Serve an index over HTTP: the WSGI application, and the function that runs it under gunicorn."""

from __future__ import annotations

from .application import create_app

__all__ = ["create_app"]
