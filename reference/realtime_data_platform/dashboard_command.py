"""The subcommand `data-platform dashboard`: create the dashboard of a table's view in Superset, or write its files.

Read this to see its options; what the dashboard shows is in `view.dashboard`, and how it is created in
`operation.dashboards`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .command_context import Name, Schema, host_and_port, platform_of


def dashboard(
    context: typer.Context,
    table: Name,
    time: Annotated[
        str, typer.Option(help="The column of dates or timestamps for the date filter and the time series by day.")
    ],
    by: Annotated[str, typer.Option(help="The column that groups the bar chart: one bar for each of its values.")],
    amount: Annotated[str | None, typer.Option(help="A column of numbers to sum. Default: count rows.")] = None,
    schema: Schema = "public",
    superset: Annotated[str, typer.Option(envvar="SUPERSET", help="URL of Superset.")] = "http://localhost:8088",
    user: Annotated[
        str, typer.Option(envvar="SUPERSET_USER", help="A user of Superset who may create databases.")
    ] = "admin",
    password: Annotated[str, typer.Option(envvar="SUPERSET_PASSWORD", help="The user's password.")] = "",
    trino_peer: Annotated[
        str, typer.Option(envvar="TRINO_HTTP_PEER", help="Trino's host and port, as Superset reaches it.")
    ] = "trino:8080",
    reader: Annotated[
        str | None, typer.Option(help="A role to create in Superset that may see the dashboard and change nothing.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(help="Write the files into this folder instead, as Superset exports them."),
    ] = None,
) -> None:
    """Create or update database, data set, charts and dashboard of a table's view in Superset; idempotent."""
    with platform_of(context) as platform:
        from .clients import Superset
        from .operation.dashboards import apply_dashboard, apply_reader, dashboard_of
        from .operation.plan import write
        from .source.description import pipeline
        from .view.dashboard import files

        peer = host_and_port(trino_peer)
        shown = dashboard_of(platform.trino, pipeline(table, schema), time=time, by=by, amount=amount)
        if folder is not None:
            content = files(shown, peer)
            write(content, folder)
            for path in content:
                typer.echo(str(folder / path))
            return
        server = Superset(superset, user, password, patience=platform.patience)
        typer.echo(apply_dashboard(server, shown, trino=peer))
        if reader is not None:
            apply_reader(server, shown, reader)
            typer.echo(f"role {reader!r} sees it and changes nothing")
