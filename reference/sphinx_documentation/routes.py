"""The routes of a Flask application: paths, methods, parameters, blueprints, and the docstrings of the views."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask
from flask.views import MethodView
from werkzeug.exceptions import HTTPException, default_exceptions
from werkzeug.routing import Rule
from werkzeug.routing.rules import parse_converter_args

AUTOMATIC = frozenset({"HEAD", "OPTIONS"})
"""Methods that Flask answers by itself."""

# `<int(min=1):number>` in a path: the converter, its arguments and the name, the first two optional.
PLACEHOLDER = re.compile(r"<(?:(?P<converter>[a-zA-Z_]\w*)(?:\((?P<arguments>.*?)\))?:)?(?P<name>[a-zA-Z_]\w*)>")
SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "uuid": {"type": "string", "format": "uuid"},
}
RAISES = re.compile(r"^Raises:\n((?:[ \t]+.*\n?|\n)*)", re.MULTILINE)


@dataclass(frozen=True)
class Parameter:
    """A part of a path that varies.

    Attributes:
        name: Name of the view's argument.
        converter: Name of Werkzeug's converter, such as `int`.
        schema: JSON schema of its values.
    """

    name: str
    converter: str
    schema: Mapping[str, Any]


@dataclass(frozen=True)
class Problem:
    """An HTTP error that a view's docstring names under `Raises:`.

    Attributes:
        status: HTTP status code.
        title: The code's name, such as `Bad Gateway`.
        detail: When it is answered, as the docstring says.
    """

    status: int
    title: str
    detail: str


@dataclass(frozen=True)
class Route:
    """A path with the methods that one function answers.

    Attributes:
        endpoint: Flask's name of the view, such as `httpbin.post`.
        path: Werkzeug's rule, such as `/users/<int:user>`.
        methods: HTTP methods in alphabetical order, without those that Flask answers by itself.
        blueprint: Dotted name of the blueprint, nested ones included; empty for the application's own.
        parameters: What varies in the path.
        view: The function that answers, without its decorators; None for an endpoint without a view.
        docstring: Its docstring, without indentation; empty where it has none.
        host: Host or subdomain of the rule; empty where it has none.
    """

    endpoint: str
    path: str
    methods: tuple[str, ...]
    blueprint: str
    parameters: tuple[Parameter, ...] = ()
    view: Callable[..., Any] | None = field(default=None, repr=False)
    docstring: str = field(default="", repr=False)
    host: str = ""

    @property
    def summary(self) -> str:
        """First sentence or line of the docstring."""
        return self.docstring.partition("\n")[0]

    @property
    def source(self) -> Path | None:
        """File of the view; None where Python does not know it."""
        try:
            return Path(inspect.getfile(self.view)) if self.view is not None else None
        except TypeError:
            return None

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The HTTP errors under `Raises:` of the docstring (Google style); other exceptions are left out."""
        known = {kind.__name__: kind for kind in default_exceptions.values()}
        known |= {
            name: kind
            for name, kind in getattr(self.view, "__globals__", {}).items()
            if isinstance(kind, type) and issubclass(kind, HTTPException)
        }
        found = []
        for name, detail in _raised(self.docstring):
            kind = known.get(name.rpartition(".")[2])
            if kind is not None and kind.code is not None:
                found.append(Problem(kind.code, kind(description="").name, detail))
        return tuple(found)

    def __str__(self) -> str:
        return f"{', '.join(self.methods)} {self.host}{self.path}"


def routes(app: Flask, *, static: bool = False) -> Sequence[Route]:
    """Return the routes of an application, in the order of its rules.

    A class-based view with a function for each method gives a route for each.

    Args:
        app: The application, with all its blueprints registered.
        static: Whether to include the routes of static files.
    """
    return [route for rule in app.url_map.iter_rules() if not rule.build_only for route in _routes(app, rule, static)]


def unreachable(found: Sequence[Route]) -> Iterator[tuple[Route, Route]]:
    """Yield each route that is never reached, with the one before it that answers the same method and path."""
    taken: dict[tuple[str, str, str], Route] = {}
    for route in found:
        for method in route.methods:
            first = taken.setdefault((method, route.host, route.path), route)
            if first is not route:
                yield route, first
                break


def _routes(app: Flask, rule: Rule, static: bool) -> Iterator[Route]:
    if rule.endpoint.rpartition(".")[2] == "static" and not static:
        return
    methods = tuple(sorted((rule.methods or {"GET"}) - AUTOMATIC)) or ("OPTIONS",)
    view = app.view_functions.get(rule.endpoint)
    blueprint = rule.endpoint.rpartition(".")[0]
    host = rule.host or rule.subdomain or ""
    shared = (blueprint if blueprint in app.blueprints else "", tuple(_parameters(rule)))
    kind: Any = getattr(view, "view_class", None)
    if isinstance(kind, type) and issubclass(kind, MethodView):
        for method in methods:
            function = getattr(kind, method.lower(), None) or getattr(kind, "get", None)
            docstring = docstring_of(function) or docstring_of(kind)
            yield Route(rule.endpoint, rule.rule, (method,), *shared, _function(function), docstring, host)
    else:
        docstring = docstring_of(view)
        if kind is not None:
            view = kind.dispatch_request
            docstring = docstring_of(kind) or docstring_of(view)
        yield Route(rule.endpoint, rule.rule, methods, *shared, _function(view), docstring, host)


def docstring_of(it: object) -> str:
    """Return an object's own docstring, without indentation; empty where it has none, or only a generated one.

    Dataclasses and named tuples without a docstring get their signature for one.
    """
    function = _function(it)
    text = getattr(function, "__doc__", None)
    if function is None or not isinstance(text, str):  # None itself has a docstring from Python 3.13 on
        return ""
    if isinstance(it, type) and text.startswith(f"{it.__name__}("):
        return ""
    return inspect.cleandoc(text).strip()


def _function(view: Any) -> Any:
    """Return the function behind decorators, partial arguments and callable objects."""
    while isinstance(view, functools.partial):
        view = view.func
    if not callable(view) or isinstance(view, type):
        return view
    try:
        view = inspect.unwrap(view)
    except ValueError:  # a cycle of wrappers
        return view
    return view if inspect.isroutine(view) else type(view).__call__


def _parameters(rule: Rule) -> Iterator[Parameter]:
    for match in PLACEHOLDER.finditer(rule.rule):
        converter = match["converter"] or "default"
        yield Parameter(match["name"], converter, _schema(converter, match["arguments"] or ""))


def _schema(converter: str, arguments: str) -> Mapping[str, Any]:
    values, named = parse_converter_args(arguments)
    if converter == "any":
        return {"type": "string", "enum": list(values)}
    schema = dict(SCHEMAS.get(converter, {"type": "string"}))
    names = {"min": "minimum", "max": "maximum"} if converter in ("int", "float") else {}
    if schema["type"] == "string":
        names = {"minlength": "minLength", "maxlength": "maxLength"}
        if "length" in named:
            schema |= {"minLength": named["length"], "maxLength": named["length"]}
    if converter in ("int", "float") and not named.get("signed"):
        schema["minimum"] = 0
    return schema | {names[name]: value for name, value in named.items() if name in names and value is not None}


def _raised(docstring: str) -> Iterator[tuple[str, str]]:
    """Yield name and description of each entry under `Raises:`."""
    section = RAISES.search(docstring)
    entries = re.split(r"^(?=\S)", inspect.cleandoc("\n" + section[1]), flags=re.MULTILINE) if section else ()
    for entry in entries:
        name, colon, detail = entry.partition(":")
        if colon:
            yield name.strip(), " ".join(detail.split())
