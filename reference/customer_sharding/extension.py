"""The Flask extension: each request gets the database of the customer that its header names."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from .shard import Session, Shard

if TYPE_CHECKING:
    from flask import Flask

HEADER = "X-Customer-ID"
View = TypeVar("View", bound=Callable[..., object])


class Sharding:
    """`Sharding(app)`, or `init_app(app)` later; settings come from the environment and `app.config`.

    Before each request of a known path: a missing or impossible header is 400, a path, query, form or JSON body that
    names another customer 403, an unknown customer 404, a dead database or sharding service 503 with Retry-After. All
    as problem details (RFC 9457). After it, whatever happened, the connection is given back.

    In a view: `Person.select()`, `person.save()` on sharded models, `sharding.session.database`, or
    `save_with_db(person, g.db)` as published.

    Args:
        app: The application.
        shard: Instead of one made from the environment.
    """

    shard: Shard

    def __init__(self, app: Flask | None = None, *, shard: Shard | None = None) -> None: ...

    def init_app(self, app: Flask) -> None:
        """Register the hooks and the problem details.

        Raises:
            BadInput: A setting is missing or wrong.
        """

    def exempt(self, view: View) -> View:
        """Mark a view that is no customer's, such as a health check."""
        return view

    @property
    def session(self) -> Session:
        """The session of the present request.

        Raises:
            Unbound: There is none.
        """
        raise NotImplementedError
