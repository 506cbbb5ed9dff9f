"""Refuse statements that reach a database past the sharded models, which restrict queries to the bound customer's rows.

It applies to the statements of a session, in a database that does not enforce the restriction itself (see
`move.row_security`). It refuses raw statements, peewee's `Table` and `RawQuery`, models that have the identifier field
but are not derived from `ShardedModel`, and `SQL` fragments that select or close a parenthesis that they did not open.
"""

from __future__ import annotations

import re
from typing import Any

import peewee

from reference.customer_sharding.errors import BadInput

REMEDY = (
    "write it with a ShardedModel, let PostgreSQL restrict the session (`customer-sharding register "
    "--row-security`, SHARDING_ROW_SECURITY=yes), or take the risk in `with session.unrestricted():`"
)
_SELECTS = re.compile(r"(?i)\b(select|table|with|union|intersect|except)\b|--|/\*|;")
_LITERAL = re.compile(r"'(?:[^']|'')*'")
# The only statements that peewee itself executes as text within a transaction.
_SAVEPOINT = re.compile(r"(SAVEPOINT|RELEASE SAVEPOINT|ROLLBACK TO SAVEPOINT) \S+;")


class RestrictedContext(peewee.Context):
    """Generates the SQL of a session's query, and refuses nodes that are not restricted to the customer's rows."""

    __slots__ = ("identifier_field",)

    def __init__(self, identifier_field: str, **settings: Any) -> None:
        super().__init__(**settings)
        self.identifier_field = identifier_field

    def as_new(self) -> RestrictedContext:
        """Return an empty context with the same settings."""
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
                f"{model.__name__} has the field {self.identifier_field}, and is not derived from ShardedModel: "
                "derive it from ShardedModel"
            )


def check_fragment(text: str) -> None:
    """Check that an `SQL` fragment cannot read other rows than the query around it does.

    Raises:
        BadInput: The fragment may contain a select, or closes a parenthesis that it did not open.
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
        BadInput: The statement is not one that peewee itself executes.
    """
    if not _SAVEPOINT.fullmatch(text.strip()):
        raise BadInput(f"a raw statement is not restricted to the customer's rows: {REMEDY}")
