"""The end of a service by SIGTERM, with what it has not exported yet.

OpenTelemetry exports the rest when the interpreter exits, and SIGTERM, by which every supervisor ends a service, ends a
process without that. Gunicorn's workers exit as they should; a service that runs by itself needs this.
"""

from __future__ import annotations

import signal
import sys


def exit_at_sigterm() -> None:
    """Make SIGTERM end the interpreter as `sys.exit` does; call it in the main thread."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
