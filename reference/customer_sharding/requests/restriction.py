"""Refuse statements that reach a database past the sharded models, which restrict queries to the bound customer's rows.

It applies to the statements of a session, in a database that does not enforce the restriction itself (see
`move.row_security`). Refused are raw statements, peewee's `Table` and `RawQuery`, models that have the identifier field
and are no `ShardedModel`, and `SQL` fragments that select, or that close a parenthesis which they did not open.
"""

from __future__ import annotations

import re
from typing import Any

import peewee

from reference.customer_sharding.errors import BadInput

REMEDY = (
    "write it with a ShardedModel, let PostgreSQL enforce whose rows are seen (`customer-sharding register "
    "--row-security`, SHARDING_ROW_SECURITY=yes), or take the risk in `with session.unrestricted():`"
)
_SELECTS = re.compile(r"(?i)\b(select|table|with|union|intersect|except)\b|--|/\*|;")
_LITERAL = re.compile(r"'(?:[^']|'')*'")
# What peewee itself executes as text within a transaction.
_SAVEPOINT = re.compile(r"(SAVEPOINT|RELEASE SAVEPOINT|ROLLBACK TO SAVEPOINT) \S+;")


class RestrictedContext(peewee.Context):
    """Generates the SQL of a session's query, and refuses nodes that no customer's condition restricts."""

    __slots__ = ("identifier_field",)

    def __init__(self, identifier_field: str, **settings: Any) -> None:
        super().__init__(**settings)
        self.identifier_field = identifier_field

    def as_new(self) -> RestrictedContext:
        """Return an empty context of the same settings."""
        return RestrictedContext(self.identifier_field, **self.state.settings)

    def sql(self, obj: Any) -> Any:
        """Generate the SQL of a node.

        Raises:
            BadInput: The node is not restricted to the bound customer's rows.
        """
        if isinstance(obj, peewee.SQL):
            check_fragment(obj.sql)
        elif isinstance(obj, peewee.RawQuery):
            raise BadInput(f"a raw query is not restricted to the customer's rows: {REMEDY}")
        elif isinstance(obj, peewee.Table) and self.scope != peewee.SCOPE_COLUMN:
            raise BadInput(f"a query of a peewee.Table is not restricted to the customer's rows: {REMEDY}")
        elif isinstance(obj, type) and issubclass(obj, peewee.Model):
            self._check_model(obj)
        elif isinstance(obj, peewee.ModelAlias):
            self._check_model(obj.model)
        return super().sql(obj)  # type: ignore[no-untyped-call] # peewee's stubs leave it untyped

    def _check_model(self, model: Any) -> None:
        if not hasattr(model, "own_rows") and self.identifier_field in model._meta.combined:  # noqa: SLF001 # peewee's way to a model's fields
            raise BadInput(
                f"{model.__name__} has the field {self.identifier_field} and is no ShardedModel: derive it from one"
            )


def check_fragment(text: str) -> None:
    """Check that an `SQL` fragment cannot read other rows than the query around it does.

    Raises:
        BadInput: It may contain a select, or closes a parenthesis that it did not open.
    """
    code = _LITERAL.sub("''", text)
    depth = lowest = 0
    for each in code:
        depth += {"(": 1, ")": -1}.get(each, 0)
        lowest = min(lowest, depth)
    if _SELECTS.search(code) or depth or lowest or "'" in code.replace("''", ""):
        raise BadInput(f"the SQL fragment {text!r} is not restricted to the customer's rows: {REMEDY}")


def check_statement(text: str) -> None:
    """Check a statement that was not generated from a query.

    Raises:
        BadInput: It is none of peewee's own.
    """
    if not _SAVEPOINT.fullmatch(text.strip()):
        raise BadInput(f"a raw statement is not restricted to the customer's rows: {REMEDY}")
