"""The directive `flask-routes`: the routes of the application, each with its view's docstring."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import ClassVar, cast

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from flask import Flask
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.directives import ObjectDescription
from sphinx.domains.python import PyFunction
from sphinx.domains.std import StandardDomain
from sphinx.roles import XRefRole
from sphinx.util.docfields import DocFieldTransformer
from sphinx.util.docutils import switch_source_input
from sphinx.util.nodes import make_id

from .openapi import media_type_of_errors
from .routes import Route, routes

OBJECT = "route"
APPLICATION: ContextVar[Flask | None] = ContextVar("APPLICATION", default=None)
"""The application of the build that runs; processes that read pages inherit it."""


class _NoOptions(dict[str, bool]):
    """The options of a directive that has none, as mapping and by attributes: handlers of docstrings use both."""

    def __getattr__(self, name: str) -> None:
        return None


def words(text: str | None) -> Sequence[str]:
    """Split an option's value at commas and blanks."""
    return (text or "").replace(",", " ").split()


class FlaskRoutes(ObjectDescription[str]):
    """Shows the routes of the application that the setting `flask_application` names.

    Options: `blueprints` and `endpoints` choose among them (by their names, separated by commas), `static` adds those
    of static files, `no-index` shows routes that are on another page already. A route is linked to by the role
    ``:route:`` and its endpoint.
    """

    has_content = False
    required_arguments = 0
    doc_field_types = PyFunction.doc_field_types
    option_spec: ClassVar = {
        "blueprints": words,
        "endpoints": words,
        "static": directives.flag,
        "no-index": directives.flag,
    }

    def run(self) -> list[nodes.Node]:
        """Return a description for each route."""
        self.domain = "py"  # the fields of docstrings, such as what is raised, are Python's
        application = APPLICATION.get()
        if application is None:
            raise self.error("flask-routes has no application: set flask_application in conf.py")
        chosen = [route for route in routes(application, static="static" in self.options) if self._is_chosen(route)]
        if not chosen:
            raise self.error("flask-routes shows nothing: no route of the application is one of those chosen")
        media_type = media_type_of_errors(application)
        return [node for route in chosen for node in self._description(route, media_type)]

    def _is_chosen(self, route: Route) -> bool:
        blueprints, endpoints = self.options.get("blueprints"), self.options.get("endpoints")
        return (blueprints is None or route.blueprint in blueprints) and (
            endpoints is None or route.endpoint in endpoints
        )

    def _description(self, route: Route, media_type: str) -> list[nodes.Node]:
        if route.source is not None:
            self.env.note_dependency(str(route.source))
        signature = addnodes.desc_signature(str(route), "")
        signature += addnodes.desc_addname("", f"{', '.join(route.methods)} ")
        signature += addnodes.desc_name("", f"{route.host}{route.path}")
        content = addnodes.desc_content()
        description = addnodes.desc("", signature, content, domain="std", objtype=OBJECT, desctype=OBJECT)
        index = addnodes.index(entries=[])
        if "no-index" not in self.options:
            self._register(route, signature, index)
        content += self._text(route)
        DocFieldTransformer(self).transform_all(content)
        if route.problems:
            content += _problems(route, media_type)
        return [index, description]

    def _register(self, route: Route, signature: addnodes.desc_signature, index: addnodes.index) -> None:
        """Make the route a target of links and an entry of the index."""
        label = make_id(self.env, self.state.document, OBJECT, f"{'-'.join(route.methods)}-{route.path}")
        signature["ids"].append(label)
        self.state.document.note_explicit_target(signature)
        index["entries"].append(("single", str(route), label, "", None))
        domain = cast(StandardDomain, self.env.get_domain("std"))
        # An endpoint may have several rules: links lead to the first on a page, and a second page is reported.
        known = domain.objects.get((OBJECT, route.endpoint))
        if known is None or known[0] != self.env.docname:
            domain.note_object(OBJECT, route.endpoint, label, location=signature)

    def _text(self, route: Route) -> list[nodes.Node]:
        """Return the docstring, after the extensions that look at docstrings have had it."""
        lines = route.docstring.splitlines()
        name = getattr(route.view, "__qualname__", route.endpoint)
        self.env.events.emit("autodoc-process-docstring", "function", name, route.view, _NoOptions(), lines)
        source = f"{route.source or self.env.docname}:docstring of {name}"
        text = StringList(lines, source=source)
        parsed = nodes.Element()
        with switch_source_input(self.state, text):
            self.state.nested_parse(text, 0, parsed)
        return list(parsed.children)


def _problems(route: Route, media_type: str) -> nodes.field_list:
    """Return a field with the HTTP errors that the view answers."""
    items = nodes.bullet_list()
    for problem in route.problems:
        detail = f": {problem.detail}" if problem.detail else ""
        text = nodes.paragraph("", "", nodes.literal("", str(problem.status)), nodes.Text(f" {problem.title}{detail}"))
        items += nodes.list_item("", text)
    name = nodes.field_name("", f"Errors, as {media_type}")
    return nodes.field_list("", nodes.field("", name, nodes.field_body("", items)))


def setup_directive(app: Sphinx) -> None:
    """Register the directive and the role `route`."""
    app.add_object_type(OBJECT, OBJECT, objname="route")
    app.add_role_to_domain("std", OBJECT, XRefRole(warn_dangling=True), override=True)
    app.add_directive("flask-routes", FlaskRoutes)
