"""Errors as problem details (RFC 9457), so that a caller's program can read them."""

from __future__ import annotations

from flask import Response, current_app, json
from werkzeug.exceptions import HTTPException, InternalServerError


def as_problem(error: Exception) -> Response:
    """Return an error as `application/problem+json`; an error that is not HTTP's is logged, and its text is not shown.

    Args:
        error: What a view raised.
    """
    if not isinstance(error, HTTPException):
        current_app.logger.error("a view failed", exc_info=error)
        error = InternalServerError()
    problem = {"status": error.code, "title": error.name, "detail": error.description}
    return Response(json.dumps(problem), status=error.code, mimetype="application/problem+json")
