"""Queries on sharded models, restricted to the bound customer's rows whatever clauses are added.

The restriction is not one of the query's own conditions, which `orwhere` could widen. It is added around all others
when SQL is generated, for the model itself and for each sharded model that is joined to it.

| query form | |
| --- | --- |
| conditions, subqueries, CTEs and unions of sharded selects | restricted to the customer's rows |
| joins of sharded models and of their aliases: inner, left outer, cross | restricted to the customer's rows |
| right and full joins; tables, SQL and unsharded queries in FROM | refused |
| `on_conflict` with an update, `replace`, `insert_from`, `raw`, `truncate_table` | refused |
| `Table`, `RawQuery`, `database.execute_sql`, an `SQL` fragment that selects (see `restriction`) | refused |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import peewee

from reference.customer_sharding.errors import BadInput, WrongCustomer

JOINS = (peewee.JOIN.INNER, peewee.JOIN.LEFT_OUTER, peewee.JOIN.CROSS)


class OwnRows:
    """A mixin for queries that have conditions."""

    model: Any
    _where: Any
    _own_rows_of: str | None = None

    def __sql__(self, ctx: Any) -> Any:
        """Generate the SQL, with the bound customer's condition around the query's own."""
        model = _model_of(self.model)
        bound = model.bound_customer()
        if self._own_rows_of is None:
            self._own_rows_of = bound
        if self._own_rows_of != bound:
            raise WrongCustomer("this query was built for another customer: build it again for this one")
        where, sources = self._where, getattr(self, "_from_list", None)
        more = getattr(self, "_from", None)
        conditions: list[Any] = []
        if sources is None:
            conditions.append(_condition(self.model))
            if more:
                self._check_plain(more)
        else:
            self._from_list = [_restricted(source, conditions) for source in sources]
        self._where = _all([*conditions, where])
        try:
            return super().__sql__(ctx)  # type: ignore[misc] # a mixin for peewee's queries
        finally:
            self._where = where
            if sources is not None:
                self._from_list = sources

    def _execute(self, database: Any) -> Any:
        # A query caches its rows: the rows of one customer must not be returned to another.
        if self._own_rows_of is not None and self._own_rows_of != _model_of(self.model).bound_customer():
            raise WrongCustomer("this query was built for another customer: build it again for this one")
        return super()._execute(database)  # type: ignore[misc] # a mixin for peewee's queries

    def _check_plain(self, sources: Iterable[Any]) -> None:
        for source in sources:
            if not isinstance(source, OwnSelect):
                raise BadInput("an update of a sharded model can only take rows from selects of sharded models")


class OwnSelect(OwnRows, peewee.ModelSelect):
    """Selects the bound customer's rows."""


class OwnUpdate(OwnRows, peewee.ModelUpdate):
    """Updates the bound customer's rows."""


class OwnDelete(OwnRows, peewee.ModelDelete):
    """Deletes the bound customer's rows."""


class OwnInsert(peewee.ModelInsert):
    """Inserts rows of the bound customer, and never overwrites a row."""

    def on_conflict(self, action: Any = None, *_: Any, **__: Any) -> Any:
        """Accept the action `IGNORE` only.

        Raises:
            BadInput: The action would change the existing row, which may belong to another customer.
        """
        if isinstance(action, str) and action.upper() == "IGNORE":
            return self.on_conflict_ignore()
        raise BadInput("the existing row may be another customer's: use on_conflict_ignore(), then update()")

    def on_conflict_replace(self, *_: Any) -> NoReturn:
        """Refuse: the replaced row may belong to another customer."""
        self.on_conflict()
        raise AssertionError


class OwnAlias(peewee.ModelAlias):
    """An alias of a sharded model, whose selects are restricted to the bound customer's rows as the model's are."""

    def select(self, *selection: Any) -> Any:
        """Select among the bound customer's rows."""
        return OwnSelect(self, selection or self.get_field_aliases())


def _model_of(source: Any) -> Any:
    return source.model if isinstance(source, peewee.ModelAlias) else source


def _condition(source: Any) -> Any:
    """Return the condition that selects the bound customer's rows of a sharded model or its alias."""
    condition: Callable[[Any], Any] = _model_of(source).own_rows
    return condition(source)


def _is_sharded(source: Any) -> bool:
    return hasattr(_model_of(source), "own_rows")


def _is_plain_model(source: Any) -> bool:
    model = _model_of(source)
    return isinstance(model, type) and issubclass(model, peewee.Model)


def _restricted(source: Any, conditions: list[Any]) -> Any:
    """Return a source of a query with its sharded models restricted to the customer's rows.

    Args:
        source: A model, an alias, a query, or a join of these.
        conditions: The conditions that belong into WHERE are appended to this list.
    """
    if isinstance(source, peewee.Join):
        if source.join_type not in JOINS:
            raise BadInput(f"a {source.join_type} join returns rows without a match: use an inner or left outer join")
        right: list[Any] = []
        lhs, rhs = _restricted(source.lhs, conditions), _restricted(source.rhs, right)
        if source.join_type == peewee.JOIN.CROSS:
            conditions += right
            return peewee.Join(lhs, rhs, source.join_type, source._on)  # type: ignore[attr-defined] # noqa: SLF001 # peewee has no public name for it
        return peewee.Join(lhs, rhs, source.join_type, _all([*right, source._on]))  # type: ignore[attr-defined] # noqa: SLF001 # likewise
    if _is_sharded(source):
        conditions.append(_condition(source))
    elif not (isinstance(source, OwnSelect | peewee.CTE | peewee.ModelCompoundSelectQuery) or _is_plain_model(source)):
        raise BadInput("a select of a sharded model takes models and their queries in FROM, not tables or SQL")
    return source


def _all(conditions: Iterable[Any]) -> Any:
    found = None
    for condition in conditions:
        if condition is not None:
            # A node other than a comparison, such as SQL("a OR b"), is written without parentheses, and AND has a
            # higher precedence than OR.
            whole = isinstance(condition, peewee.Expression) and not condition.flat
            each = condition if whole else peewee.EnclosedNodeList([condition])
            found = each if found is None else (found & each)
    return found
