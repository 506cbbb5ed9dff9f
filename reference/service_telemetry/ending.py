"""The end of a service by SIGTERM, after its last telemetry was exported.

OpenTelemetry exports the last spans and measurements when the interpreter exits. Supervisors end a service by SIGTERM,
which by default ends the process without that exit. Gunicorn's workers handle SIGTERM; a service that runs without
gunicorn needs this function.
"""

from __future__ import annotations

import signal
import sys


def exit_at_sigterm() -> None:
    """Make SIGTERM end the interpreter like `sys.exit`; call this in the main thread."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
