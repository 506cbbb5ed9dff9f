"""The command `service-telemetry`: send a bounded load to a service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from reference.command_line import BAD_INPUT, Command

from .errors import BadInput, LoadFailed

FAILED = 1
CODES: Mapping[type[Exception], int] = {BadInput: BAD_INPUT, LoadFailed: FAILED}

command = Command("service-telemetry", extra="service-telemetry")
app = command.application(
    no_args_is_help=True,
    help="Telemetry of Flask services by OpenTelemetry.",
    epilog="Exit code: 1 when a request fails, 2 on bad input. "
    "Example:  service-telemetry load http://127.0.0.1:5000 --requests 100",
)


@app.callback()
def main() -> None:
    """Telemetry of Flask services by OpenTelemetry."""


@app.command("load")
def send_load(
    url: Annotated[str, typer.Argument(help="Base URL of the service, such as http://127.0.0.1:5000.")],
    count: Annotated[int, typer.Option("--requests", min=1, help="How many requests to send.")] = 100,
    largest: Annotated[int, typer.Option(min=1, help="The largest number to ask for.")] = 31,
    seed: Annotated[int | None, typer.Option(help="Asks for the same numbers again.")] = None,
) -> None:
    """Ask for random Fibonacci numbers, one after another; each must be answered with 200."""
    with command.errors(CODES):
        from .loading import load

        seconds = sorted(answered.seconds for answered in load(url, count, largest=largest, seed=seed))
        typer.echo(
            f"{len(seconds)} requests were answered with 200; "
            f"half of them within {1000 * seconds[len(seconds) // 2]:.1f} ms, all within {1000 * seconds[-1]:.1f} ms"
        )
