"""Wheels and source distributions: read and checked, whoever made them, or built from a project."""

from __future__ import annotations

from .distribution import Distribution

__all__ = ["Distribution"]
