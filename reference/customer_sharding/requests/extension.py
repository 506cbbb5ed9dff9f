"""The Flask extension: binds each request to the database of the customer that its header names.

Open it to add sharding to a Flask application, or to see which requests are refused.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeVar

from flask import Flask, current_app, g, request

from reference.customer_sharding.errors import (
    BadIdentifier,
    BadInput,
    CustomerMoving,
    ShardingError,
    Unbound,
    WrongCustomer,
)
from reference.customer_sharding.identifiers import customer_id
from reference.customer_sharding.problems import problem_of

from .shard import Session, Shard

if TYPE_CHECKING:
    from werkzeug import Response

NAME = "customer_sharding"
HEADER = "X-Customer-ID"
View = TypeVar("View", bound=Callable[..., object])


class Sharding:
    """`Sharding(app)`, or `init_app(app)` later; settings come from the environment and `app.config`.

    Before each request of a known path: a missing or invalid header is answered 400; a path, query, form or JSON body
    that names another customer 403; an unknown customer 404; an unavailable database or sharding service 503 with
    Retry-After. All are problem details (RFC 9457). After each request the connection is returned to its pool.

    A view uses sharded models (`Person.select()`, `person.save()`), `sharding.session.database`, or the document's call
    `save_with_db(person, g.db)`. Raw SQL is refused, except if PostgreSQL restricts it to the customer's rows
    (`SHARDING_ROW_SECURITY`), or in a block `with sharding.session.unrestricted():`.

    Args:
        app: The application.
        shard: By default, a shard configured by the environment and `app.config`.
    """

    shard: Shard

    def __init__(self, app: Flask | None = None, *, shard: Shard | None = None) -> None:
        if shard is not None:
            self.shard = shard
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Register the request hooks and error handlers.

        Raises:
            BadInput: A setting is missing or wrong.
        """
        if not hasattr(self, "shard"):
            self.shard = Shard.from_environment(
                {
                    **os.environ,
                    **{name: str(value) for name, value in app.config.items() if name.startswith("SHARDING_")},
                }
            )
        app.extensions[NAME] = self
        app.before_request(self._open)
        app.teardown_request(self._close)
        app.register_error_handler(ShardingError, self._refuse)

    def exempt(self, view: View) -> View:
        """Mark a view that serves no customer, such as a health check."""
        view.no_customer = True  # type: ignore[attr-defined] # an attribute of our own on the function
        return view

    @property
    def session(self) -> Session:
        """The session of the current request.

        Raises:
            Unbound: The request has no session.
        """
        session: Session | None = g.get("sharding_session")
        if session is None:
            raise Unbound("this request has no customer: its view is exempt, or its path is unknown")
        return session

    def _open(self) -> None:
        if request.url_rule is None or _is_answered_by_flask():
            return  # an unknown path is answered 404 and costs nothing
        if getattr(current_app.view_functions.get(request.endpoint or ""), "no_customer", False):
            return
        headers = request.headers.getlist(HEADER)
        if len(headers) != 1:
            raise BadIdentifier(f"name the request's customer in exactly one header {HEADER}")
        customer = customer_id(headers[0])
        for place, value in _named(self.shard.settings.identifier_field):
            if str(value) != customer:
                raise WrongCustomer(f"the {place} names another customer than the header {HEADER}")
        g.sharding_session = self.shard.open(customer)
        g.db = g.sharding_session.database

    def _close(self, _: BaseException | None) -> None:
        g.pop("db", None)
        session: Session | None = g.pop("sharding_session", None)
        if session is not None:
            session.close()

    def _refuse(self, error: ShardingError) -> Response:
        session: Session | None = g.get("sharding_session")
        if isinstance(error, CustomerMoving) and session is not None:
            self.shard.forget(session.route)
        if isinstance(error, BadInput | Unbound) and not isinstance(error, BadIdentifier):
            raise error  # a bug in the application, which a client cannot correct
        return problem_of(error)


def _is_answered_by_flask() -> bool:
    """Return whether Flask itself answers: a CORS preflight or a static file."""
    if request.method == "OPTIONS" and getattr(request.url_rule, "provide_automatic_options", False):
        return True
    blueprint, _, name = (request.endpoint or "").rpartition(".")
    holder = current_app if not blueprint else current_app.blueprints.get(blueprint)
    return name == "static" and holder is not None and holder.has_static_folder


def _named(field: str) -> Iterator[tuple[str, object]]:
    """Yield each identifier in the request's path, query, form and JSON body, with its place."""
    for place, values in (("path", request.view_args or {}), ("JSON body", request.get_json(silent=True))):
        if isinstance(values, Mapping) and field in values:
            yield place, values[field]
    for place, several in (("query", request.args), ("form", request.form)):
        for value in several.getlist(field):
            yield place, value
