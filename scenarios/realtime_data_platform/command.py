"""The command `data-platform` with the addresses of the run's services."""

import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner

from reference.realtime_data_platform.cli import app

SCRIPT = Path(sys.executable).with_name("data-platform")


def data_platform(platform, *arguments):
    """Run the command, and return its exit code, its output and its errors."""
    result = CliRunner().invoke(app, [*_addresses(platform), *arguments])
    assert "Traceback" not in result.stderr
    return result.exit_code, result.stdout, result.stderr


def data_platform_within(platform, seconds, *arguments):
    """Run the command as a process, and return its exit code and what it says; None when it does not end in time."""
    words = [SCRIPT, *_addresses(platform), *arguments]
    try:
        ended = subprocess.run(words, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return None, f"no answer within {seconds:g} s"
    return ended.returncode, f"{ended.stdout}{ended.stderr}"


def _addresses(platform):
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
        "ca": at.ca,
        "ca-peer": peers.ca,
        "certificate-peer": peers.certificate,
    }
    return [word for name, value in options.items() for word in (f"--{name}", value)]
