"""The command `data-platform recover`."""

from __future__ import annotations

import typer

from .command_context import AsText, Columns, Name, Schema, Yes, command, described_of


def recover(
    context: typer.Context,
    table: Name,
    schema: Schema = "public",
    columns: Columns = None,
    as_text: AsText = None,
    yes: Yes = False,
) -> None:
    """Follow a table anew whose replication slot was lost, as by a failover; give the options that `apply` had.

    What the platform holds of the table is removed, its topic too, and made again from a snapshot. Until its views are
    complete they are absent; each keeps its condition.
    """
    with described_of(context, table, schema, columns, as_text) as (platform, described):
        question = f"Remove what the platform holds of {schema}.{table} and its topic, and follow the table anew?"
        command.confirm(question, agreed=yes)
        platform.recover(described)
        typer.echo(f"{table}: followed anew, hive.views.{described.pipeline} is complete")
