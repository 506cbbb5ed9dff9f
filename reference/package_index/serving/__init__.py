"""Serve an index over HTTP: the application, and gunicorn that runs it."""

from __future__ import annotations

from .application import create_app

__all__ = ["create_app"]
