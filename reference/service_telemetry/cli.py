"""The command `service-telemetry`: send load, check every hop, print a collector's configuration, serve profiles.

Read this to see what each subcommand prints, and which function of the library it calls.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
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
    epilog="Exit code: 1 when a request fails or a signal does not arrive, 2 on bad input. "
    "Example:  service-telemetry load http://127.0.0.1:5000 --requests 100",
)


@app.callback()
def main() -> None:
    """Telemetry of Flask services by OpenTelemetry."""


@app.command("load")
def send_load(
    url: Annotated[str, typer.Argument(help="Base URL of the service, such as http://127.0.0.1:5000.")],
    count: Annotated[int, typer.Option("--requests", min=1, help="How many requests to send.")] = 100,
    largest: Annotated[int, typer.Option(min=1, help="The largest number to request.")] = 31,
    seed: Annotated[int | None, typer.Option(help="Seed of the random numbers; the same seed repeats them.")] = None,
) -> None:
    """Request random Fibonacci numbers, one after another; each request must be answered with 200."""
    with command.errors(CODES):
        from .loading import load

        seconds = sorted(answered.seconds for answered in load(url, count, largest=largest, seed=seed))
        typer.echo(
            f"{len(seconds)} requests were answered with 200; "
            f"half of them within {1000 * seconds[len(seconds) // 2]:.1f} ms, all within {1000 * seconds[-1]:.1f} ms"
        )


@app.command("check")
def check_hops(
    endpoint: Annotated[str, typer.Argument(help="The service's value of OTEL_EXPORTER_OTLP_ENDPOINT.")],
    protocol: Annotated[str, typer.Option(help="OTEL_EXPORTER_OTLP_PROTOCOL: grpc or http/protobuf.")] = "grpc",
    jaeger: Annotated[str | None, typer.Option(help="Base URL of Jaeger's API.")] = None,
    prometheus: Annotated[str | None, typer.Option(help="URL of the collector's page for Prometheus.")] = None,
    patience: Annotated[float, typer.Option(min=0, help="Timeout in seconds for each hop behind the collector.")] = 10,
) -> None:
    """Send a span, a measurement and a log record, and report where each arrives, or why it does not."""
    with command.errors(CODES):
        from .checking import check

        failed = 0
        for hop in check(endpoint, protocol, jaeger=jaeger, prometheus=prometheus, patience=patience):
            typer.echo(f"{hop.signal:8} {hop.place:11} {'arrived' if hop.arrived else f'missing: {hop.why}'}")
            failed += not hop.arrived
        if failed:
            raise typer.Exit(FAILED)


@app.command("collector")
def print_configuration(
    jaeger: Annotated[str, typer.Option(help="HOST:PORT at which Jaeger receives OTLP over gRPC.")] = "jaeger:4317",
    encrypted: Annotated[bool, typer.Option("--encrypted", help="Use TLS for Jaeger.")] = False,
    memory: Annotated[
        int | None, typer.Option(help="Refuse data when the collector uses more than this many MiB of memory.")
    ] = None,
    queue: Annotated[str | None, typer.Option(help="Folder of a queue on disk for traces.")] = None,
    slow: Annotated[
        float | None, typer.Option(help="Keep only traces with errors, traces of this many seconds, and a share.")
    ] = None,
    share: Annotated[float, typer.Option(help="With --slow, the percentage of all other traces to keep.")] = 10,
) -> None:
    """Print a collector's configuration as JSON, which the collector can read since JSON is YAML."""
    with command.errors(CODES):
        from .collectors import collector_configuration

        configuration = collector_configuration(
            jaeger, encrypted=encrypted, memory_mib=memory, queue=queue, slow_seconds=slow, share_percent=share
        )
        typer.echo(json.dumps(configuration, indent=2))


@app.command("profiles")
def serve_profiles(
    pid: Annotated[int, typer.Argument(help="Process id of the service; its child processes are profiled, too.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 chooses a free one.")] = 7072,
    rate: Annotated[int, typer.Option(min=1, max=1000, help="Samples per second.")] = 100,
) -> None:
    """Serve profiles of a running service in pprof's format, for Parca to scrape, until Ctrl-C."""
    with command.errors(CODES):
        from .serving import PATH, profile_server

        try:
            server = profile_server(pid, host=host, port=port, rate=rate)
        except OSError as error:
            raise BadInput(f"nothing can listen on {host}, port {port}: {error.strerror}") from error
        with server, suppress(KeyboardInterrupt):
            typer.echo(f"profiles of process {pid} are at http://{host}:{server.server_port}{PATH}?seconds=10")
            server.serve_forever()
