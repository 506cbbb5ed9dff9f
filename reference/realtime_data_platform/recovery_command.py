"""The subcommand `data-platform recover`: follow a table again after its replication slot was lost.

Read this to see what it asks before it removes anything; how a table is followed again is in `operation.recovery`.
"""

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
    """Follow a table again after its replication slot was lost, as in a failover; give the same options as to `apply`.

    The table's pipeline and its topic are removed, and created again from a snapshot. The views are absent until they
    are complete again, and keep their conditions.
    """
    with described_of(context, table, schema, columns, as_text) as (platform, described):
        question = f"Remove what the platform holds of {schema}.{table} and its topic, and follow the table anew?"
        command.confirm(question, agreed=yes)
        platform.recover(described)
        typer.echo(f"{table}: followed anew, hive.views.{described.pipeline} is complete")
