"""Sharded models: every query goes to the database of the customer bound in its context, or is refused.

peewee stores a model's database on the model, which all threads share: binding it during a request sends rows of
one thread to the database of another. Here the database is looked up in the context (a thread, a request, a
task), at the moment the query is made, and nowhere else.

Select, update and delete are restricted to the bound customer's rows, so that customers may share a database, as in
standalone mode: see `queries`, which lists every form of query.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, NoReturn

import peewee

from reference.customer_sharding.errors import BadInput, Unbound, WrongCustomer

from .queries import OwnAlias, OwnDelete, OwnInsert, OwnSelect, OwnUpdate


@dataclass(frozen=True, eq=False)
class Bound:
    """The binding of a context.

    Attributes:
        database: The database in which queries are executed.
        customer: The customer to whose rows queries are restricted.
        identifier_field: The field that names the customer.
        process: Id of the process that made the binding; a forked process must make its own.
    """

    database: peewee.Database
    customer: str
    identifier_field: str
    process: int = field(default_factory=os.getpid)


_BOUND: ContextVar[Bound | None] = ContextVar("customer_sharding", default=None)


def bound() -> Bound:
    """Return the binding of this context.

    Raises:
        Unbound: No customer is bound here.
    """
    here = _BOUND.get()
    if here is not None and here.process != os.getpid():
        raise Unbound("this process was forked while a customer was bound: open a session of its own")
    if here is None:
        raise Unbound("no customer's database is bound here: query in a request with X-Customer-ID, or in a session")
    return here


def set_bound(here: Bound | None) -> Bound | None:
    """Set the binding of this context (None unbinds), and return the previous one."""
    before = _BOUND.get()
    _BOUND.set(here)
    return before


@contextmanager
def bind(database: peewee.Database, customer: str, identifier_field: str) -> Generator[None]:
    """Bind all sharded models to a customer's database while the block lasts, in this context alone."""
    before = set_bound(Bound(database, customer, identifier_field))
    try:
        yield
    finally:
        set_bound(before)


class ShardedMetadata(peewee.Metadata):
    """Metadata whose database is the one bound in the context."""

    @property
    def database(self) -> peewee.Database | None:
        """The database bound in this context, or None."""
        here = _BOUND.get()
        return None if here is None or here.process != os.getpid() else here.database

    @database.setter
    def database(self, value: peewee.Database | None) -> None:
        if value is not None:
            raise BadInput("a sharded model takes no database: the request or the session binds one")

    @property
    def table(self) -> peewee.Table:
        """The table, without a database of its own."""
        table: peewee.Table = super().table.bind(None)
        return table

    @table.deleter
    def table(self) -> None:
        self._table = None


class ShardedModel(peewee.Model):
    """Base class of models whose rows belong to customers.

    The database is the one bound in the current context (a request, a session, `bind`); without one, queries are
    refused. Select, update and delete see the bound customer's rows only; inserted rows must name the bound customer.
    """

    class Meta:
        """Options that all sharded models inherit."""

        model_metadata_class = ShardedMetadata

    @classmethod
    def select(cls, *fields: Any) -> Any:
        """Select among the bound customer's rows.

        Raises:
            Unbound: No customer is bound here.
        """
        cls._identifier()
        return OwnSelect(cls, fields or cls._meta.sorted_fields, is_default=not fields)

    @classmethod
    def alias(cls, alias: str | None = None) -> Any:
        """Return an alias of the model, restricted to the bound customer's rows as the model is."""
        return OwnAlias(cls, alias)

    @classmethod
    def bound_customer(cls) -> str:
        """Return the bound customer.

        Raises:
            Unbound: No customer is bound here.
        """
        return bound().customer

    @classmethod
    def own_rows(cls, source: Any) -> Any:
        """Return the condition that selects the bound customer's rows of the model or of an alias."""
        name = getattr(source, cls._identifier().name)
        customer = bound().customer
        if not isinstance(bound().database, peewee.MySQLDatabase):
            return name == customer
        # A MySQL collation may equate identifiers that differ by case, so they are also compared bitwise.
        return (name == customer) & (peewee.NodeList((peewee.SQL("BINARY"), name)) == peewee.Value(customer))

    @classmethod
    def update(cls, __data: Any = None, **update: Any) -> Any:
        """Update the bound customer's rows.

        Raises:
            Unbound: No customer is bound here.
            WrongCustomer: The update would give rows to another customer.
        """
        data = cls._by_field(__data, update)
        identifier = cls._identifier()
        if identifier in data:
            cls._check(data[identifier])
        return OwnUpdate(cls, data)

    @classmethod
    def delete(cls) -> Any:
        """Delete from the bound customer's rows.

        Raises:
            Unbound: No customer is bound here.
        """
        cls._identifier()
        return OwnDelete(cls)

    @classmethod
    def insert(cls, __data: Any = None, **insert: Any) -> Any:
        """Insert a row of the bound customer.

        Raises:
            Unbound: No customer is bound here.
            WrongCustomer: The row names another customer, or none.
        """
        data = cls._by_field(__data, insert)
        if not isinstance(data, Mapping):
            return cls.insert_many(data)
        cls._check(data.get(cls._identifier()))
        return OwnInsert(cls, data)

    @classmethod
    def insert_many(cls, rows: Iterable[Any], fields: Any = None) -> Any:
        """Insert rows of the bound customer.

        Raises:
            Unbound: No customer is bound here.
            WrongCustomer: A row names another customer, or none. Raised when the query is executed.
        """
        cls._identifier()
        names = None if fields is None else [cls._meta.combined[f] if isinstance(f, str) else f for f in fields]
        return OwnInsert(cls, insert=cls._checked(rows, names), columns=fields)

    @classmethod
    def insert_from(cls, *_: Any, **__: Any) -> NoReturn:
        """Refuse: the customer of the rows that a query yields cannot be checked."""
        raise BadInput("a sharded model takes no rows from a query: select the rows, and insert them by insert_many()")

    @classmethod
    def replace(cls, *_: Any, **__: Any) -> NoReturn:
        """Refuse: the replaced row may belong to another customer."""
        raise BadInput("a row of a sharded model cannot be replaced: select the row, and save it")

    @classmethod
    def replace_many(cls, *_: Any, **__: Any) -> NoReturn:
        """Refuse: the replaced rows may belong to other customers."""
        raise BadInput("rows of a sharded model cannot be replaced: select the rows, and save them")

    @classmethod
    def raw(cls, *_: Any, **__: Any) -> NoReturn:
        """Refuse: a raw statement cannot be restricted to the customer's rows."""
        raise BadInput("a sharded model has no raw queries, which cannot be restricted to the customer's rows")

    @classmethod
    def truncate_table(cls, **_: Any) -> NoReturn:
        """Refuse: the table may hold other customers' rows."""
        raise BadInput("a table that customers may share cannot be truncated: use delete()")

    def save(self, force_insert: bool = False, only: Any = None) -> Any:
        """Save the row of the bound customer.

        Raises:
            Unbound: No customer is bound here.
            WrongCustomer: The row names another customer, or none.
        """
        self._check(getattr(self, self._identifier().name))
        return super().save(force_insert=force_insert, only=only)

    @classmethod
    def _by_field(cls, data: Any, named: Mapping[str, Any]) -> Any:
        if data and not isinstance(data, Mapping):
            return data  # rows, for insert_many
        return {
            cls._meta.combined[key] if isinstance(key, str) else key: value
            for key, value in {**(data or {}), **named}.items()
        }

    @classmethod
    def _identifier(cls) -> Any:
        name = bound().identifier_field
        try:
            return cls._meta.fields[name]
        except KeyError:
            raise BadInput(f"{cls.__name__} has no field {name}, which must name each row's customer") from None

    @classmethod
    def _check(cls, value: object) -> None:
        here = bound()
        if not value:
            raise WrongCustomer(f"{here.identifier_field} is not set: the row would belong to no customer")
        if str(value) != here.customer:
            raise WrongCustomer(f"the row's {here.identifier_field} names another customer than {here.customer}")

    @classmethod
    def _checked(cls, rows: Iterable[Any], fields: list[Any] | None) -> Iterator[Any]:
        field = cls._identifier()
        for row in rows:
            if fields is not None and not isinstance(row, Mapping):
                value = dict(zip(fields, row, strict=True)).get(field)
            elif isinstance(row, Mapping):
                value = cls._by_field(row, {}).get(field)
            else:
                raise BadInput("give rows as mappings, or as sequences together with their fields")
            cls._check(value)
            yield row


def save_with_db(instance: peewee.Model, db: peewee.Database, force_insert: bool = False) -> None:
    """Save an instance to a database: the document's function, with checks that the document's version lacks.

    Raises:
        WrongCustomer: The identifier field is not set, or does not name the bound customer. The document uses an
            assertion, which `python -O` removes.
        Unbound: Another database is bound, or none.
        BadInput: The instance is not a `ShardedModel`.
    """
    if not isinstance(instance, ShardedModel):
        raise BadInput(f"{type(instance).__name__} is not a ShardedModel: derive it from ShardedModel")
    if bound().database is not db:
        raise Unbound("the given database is not the one that is bound here")
    instance.save(force_insert=force_insert)
