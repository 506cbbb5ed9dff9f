"""Turn this library's errors into HTTP answers: problem details of RFC 9457.

Open it to see which status an error gets. The sharding service and the Flask extension both use it.
"""

from __future__ import annotations

import json
import math
from http import HTTPStatus

from werkzeug import Response
from werkzeug.exceptions import HTTPException

from .errors import (
    BadInput,
    Conflict,
    NotAllowed,
    ShardingError,
    Unavailable,
    UnknownCustomer,
    UnknownDatabase,
    WrongCustomer,
)

STATUS: tuple[tuple[type[ShardingError], HTTPStatus], ...] = (
    (BadInput, HTTPStatus.BAD_REQUEST),
    (NotAllowed, HTTPStatus.UNAUTHORIZED),
    (WrongCustomer, HTTPStatus.FORBIDDEN),
    (UnknownCustomer, HTTPStatus.NOT_FOUND),
    (UnknownDatabase, HTTPStatus.NOT_FOUND),
    (Conflict, HTTPStatus.CONFLICT),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)
# The message of an `Unavailable` may name a server's address or repeat a driver's message: clients must not see it.
FIXED_DETAILS = {HTTPStatus.SERVICE_UNAVAILABLE: "try again after the number of seconds in the header Retry-After"}


def problem(status: HTTPStatus, detail: str, headers: dict[str, str] | None = None) -> Response:
    """Return `application/problem+json` with title, status and detail; the type is `about:blank`, the default."""
    body = json.dumps({"title": status.phrase, "status": status.value, "detail": detail})
    return Response(body, status.value, headers, content_type="application/problem+json")


def problem_of(error: ShardingError) -> Response:
    """Return the problem detail for an error of this library.

    Raises:
        ShardingError: The error itself, if it has no status: it is a bug of the application.
    """
    for kind, status in STATUS:
        if isinstance(error, kind):
            headers = {}
            if isinstance(error, Unavailable):
                headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
            if isinstance(error, NotAllowed):
                headers["WWW-Authenticate"] = "Bearer"
            return problem(status, FIXED_DETAILS.get(status, str(error)), headers)
    raise error


def problem_of_http(error: HTTPException) -> Response:
    """Return the problem detail for an HTTP error raised by Flask, such as an unknown path or a method not allowed."""
    answer = error.get_response()
    if error.code is None or error.code < HTTPStatus.BAD_REQUEST:
        return Response(answer.get_data(), answer.status, answer.headers)  # a redirect
    headers = {name: value for name, value in answer.headers if name in ("Allow", "Retry-After")}
    return problem(HTTPStatus(error.code), error.description or "", headers)
