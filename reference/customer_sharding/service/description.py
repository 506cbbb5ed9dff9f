"""The OpenAPI description of the sharding service's API, which `GET /openapi.json` answers.

Change it together with the requests in `service`.
"""

from __future__ import annotations

from typing import Any

from reference.customer_sharding.credentials import Credentials, Flavor
from reference.customer_sharding.identifiers import LONGEST, PATTERN

NAME = {"type": "string", "pattern": f"^{PATTERN}$", "maxLength": LONGEST}
TEXT = {"type": "string", "minLength": 1}
CREDENTIALS = {
    "host": TEXT,
    "port": {"type": "integer", "minimum": 1, "maximum": 65535},
    "user": TEXT,
    "password": {"type": "string"},
    "database": TEXT,
    "flavor": {"enum": [str(each) for each in Flavor]},
}
PLACE = {"customer": NAME, "database": NAME, "epoch": {"type": "integer"}, "moving": {"type": "boolean"}}
MOVE = {
    "customer": NAME,
    "source": NAME,
    "target": NAME,
    "epoch": {"type": "integer"},
    "attempt": {"type": "integer"},
    "phase": {"enum": ["copying", "switched", "aborting"]},
}
DATABASE = {
    "name": NAME,
    **{key: CREDENTIALS[key] for key in ("host", "port", "database", "flavor")},
    "customers": {"type": "integer"},
    "ready": {"type": "boolean"},
    "row_security": {"type": "boolean"},
}


def description() -> dict[str, Any]:
    """Return the description, OpenAPI 3.1."""
    registration = _object(
        {**CREDENTIALS, "admin": _object({"user": TEXT, "password": {"type": "string"}}, "user", "password"),
         "identifier_field": TEXT, "allow_superuser": {"type": "boolean"}, "row_security": {"type": "boolean"}},
        *Credentials.__dataclass_fields__,
    )  # fmt: skip
    return {
        "openapi": "3.1.0",
        "info": {"title": "Sharding service", "version": "1", "description": "Which customer is in which database."},
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "Problem": _object(
                    {"title": TEXT, "status": {"type": "integer"}, "detail": {"type": "string"}}, "title", "status"
                )
            },
        },
        "security": [{"bearer": []}],
        "paths": {
            "/write/{identifier}": {
                "parameters": [_in_path("identifier")],
                "get": _operation("A customer's route", _all({**CREDENTIALS, "epoch": {"type": "integer"}}), 404),
            },
            "/databases/{name}": {
                "parameters": [_in_path("name")],
                "put": _operation(
                    "Register and prepare a database",
                    _all({"name": NAME, "tables": {"type": "array", "items": TEXT}}),
                    409,
                    body=registration,
                ),
            },
            "/databases": {"get": _operation("All databases", _several("databases", DATABASE))},
            "/customers/{identifier}": {
                "parameters": [_in_path("identifier")],
                "put": _operation("Place a customer", _all(PLACE), 404, 409, body=_object({"database": NAME})),
                "get": _operation("A customer's database", _all(PLACE), 404),
            },
            "/moves": {
                "get": _operation("Moves under way", _several("moves", MOVE)),
                "post": _operation(
                    "Record a move",
                    _all(MOVE),
                    404,
                    409,
                    success=202,
                    body=_object({"customer": NAME, "target": NAME}, "customer", "target"),
                ),
            },
            "/health": {"get": {**_operation("Whether it is up", _all({"status": {"const": "up"}})), "security": []}},
        },
    }


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _all(properties: dict[str, Any]) -> dict[str, Any]:
    return _object(properties, *properties)


def _several(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    return _all({name: {"type": "array", "items": _all(properties)}})


def _in_path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": NAME}


def _operation(
    summary: str, answer: dict[str, Any], *problems: int, success: int = 200, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    problem_content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    responses: dict[str, Any] = {
        str(status): {"description": "A problem", "content": problem_content} for status in (400, 401, *problems, 503)
    }
    responses[str(success)] = {"description": summary, "content": {"application/json": {"schema": answer}}}
    operation: dict[str, Any] = {"summary": summary, "responses": responses}
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return operation
