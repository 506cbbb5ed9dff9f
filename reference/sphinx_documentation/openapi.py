"""The OpenAPI description of a Flask application, out of its routes and the docstrings of its views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Flask
from werkzeug.exceptions import NotFound

from .routes import PLACEHOLDER, Route, routes

VERSION = "3.1.0"
PROBLEM_TYPE = "application/problem+json"
PROBLEM = {
    "type": "object",
    "description": "Problem details (RFC 9457).",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "status": {"type": "integer"},
        "title": {"type": "string"},
        "detail": {"type": "string"},
        "instance": {"type": "string", "format": "uri-reference"},
    },
}
METHODS = frozenset({"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"})
"""The methods that OpenAPI knows."""


def openapi(app: Flask, *, title: str, version: str = "0") -> dict[str, Any]:
    """Return the OpenAPI 3.1 description of an application, ready for `json.dumps`.

    The answer of a view is described by its docstring, not by a schema: Flask does not know one. The HTTP errors that
    a docstring names under `Raises:` are answers of their own, of the media type with which the application answers
    errors.

    Args:
        app: The application, with all its blueprints registered.
        title: Name of the service.
        version: Version of the service.
    """
    media_type = media_type_of_errors(app)
    paths: dict[str, dict[str, Any]] = {}
    names: dict[str, int] = {}
    for route in routes(app):
        for method in route.methods:
            operations = paths.setdefault(PLACEHOLDER.sub(r"{\g<name>}", route.path), {})
            if method in METHODS and method.lower() not in operations:  # the first rule answers
                operations[method.lower()] = _operation(route, method, media_type, names)
    description: dict[str, Any] = {"openapi": VERSION, "info": {"title": title, "version": version}, "paths": paths}
    if media_type == PROBLEM_TYPE:
        description["components"] = {"schemas": {"Problem": PROBLEM}}
    return description


def media_type_of_errors(app: Flask) -> str:
    """Return the media type of the application's answer to an HTTP error, as its error handlers give it."""
    with app.test_request_context("/"):
        try:
            return app.make_response(app.handle_user_exception(NotFound())).mimetype or "text/html"
        except Exception:  # noqa: BLE001 a handler may need what is there only while the service runs
            return "text/html"


def _operation(route: Route, method: str, media_type: str, names: dict[str, int]) -> Mapping[str, Any]:
    name = route.endpoint if len(route.methods) == 1 else f"{route.endpoint}.{method.lower()}"
    names[name] = names.get(name, 0) + 1
    operation: dict[str, Any] = {"operationId": name if names[name] == 1 else f"{name}.{names[name]}"}
    if route.docstring:
        operation |= {"summary": route.summary, "description": route.docstring}
    if route.blueprint:
        operation["tags"] = [route.blueprint]
    if route.parameters:
        operation["parameters"] = [
            {"name": each.name, "in": "path", "required": True, "schema": dict(each.schema)}
            for each in route.parameters
        ]
    return operation | {"responses": _responses(route, media_type)}


def _responses(route: Route, media_type: str) -> Mapping[str, Any]:
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}} if media_type == PROBLEM_TYPE else {}
    details: dict[int, list[str]] = {}
    for problem in route.problems:
        details.setdefault(problem.status, []).append(problem.detail or problem.title)
    failures: Sequence[tuple[str, Any]] = [
        (str(status), {"description": " ".join(said), "content": {media_type: schema}})
        for status, said in sorted(details.items())
    ]
    return {"default": {"description": "What the view returns."}, **dict(failures)}
