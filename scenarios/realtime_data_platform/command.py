"""The command `data-platform` with the addresses of the run's services."""

from typer.testing import CliRunner

from reference.realtime_data_platform.cli import app


def data_platform(platform, *arguments):
    """Run the command, and return its exit code, its output and its errors."""
    at, peers = platform.addresses, platform.peers
    options = {
        "postgres": at.postgres,
        "connect": at.connect,
        "controller": at.controller,
        "broker": at.broker,
        "trino": at.trino,
        "kafka": at.kafka,
        "postgres-peer": peers.postgres,
        "kafka-peer": peers.kafka,
        "controller-peer": peers.pinot_controller,
        "server-peer": f"server:{peers.pinot_grpc_port}",
        "metastore-peer": peers.metastore.removeprefix("thrift://"),
        "s3-peer": peers.s3.removeprefix("http://"),
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    result = CliRunner().invoke(app, [*words, *arguments])
    assert "Traceback" not in result.stderr
    return result.exit_code, result.stdout, result.stderr
