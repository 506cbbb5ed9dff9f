"""Wheels and source distributions: reading and checking them, and building them from a project."""

from __future__ import annotations

from .distribution import Distribution

__all__ = ["Distribution"]
