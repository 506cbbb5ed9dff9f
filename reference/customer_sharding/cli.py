"""The command `customer-sharding`: databases, customers, routes, moves, and the service itself."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Place customers in databases, and move them.")


@app.callback()
def options() -> None:
    """Say where the meta database is."""
