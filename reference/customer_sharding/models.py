"""Sharded models: every query is bound to the customer of the context it is made in, or refused."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import peewee


class ShardedModel(peewee.Model):
    """A model whose rows belong to customers.

    The database is the one bound in the present context (a request, `bind`); elsewhere queries are refused. Select,
    update and delete see the bound customer's rows only; what is inserted must name the bound customer.
    """


@contextmanager
def bind(database: peewee.Database, customer: str, identifier_field: str) -> Generator[None]:
    """Bind all sharded models to a customer's database while the block lasts, in this context alone."""
    raise NotImplementedError


def save_with_db(instance: peewee.Model, db: peewee.Database, force_insert: bool = False) -> None:
    """Save an instance to a database: the published call.

    Raises:
        WrongCustomer: The identifier field is not set, or names another customer than the one bound. Under
            `python -O` too.
        Unbound: Another database is bound, or none.
    """
    raise NotImplementedError
