"""Refuse processes in which gevent or eventlet has replaced threads by greenlets: they are not supported.

A driver or lock that was imported before the process was patched, as under `gunicorn --preload`, does not yield to
other greenlets: one slow database would block all requests of the process, and greenlets would share the data that
this library keeps for each thread.
"""

from __future__ import annotations

import sys

from reference.customer_sharding.errors import BadInput

# By library: the module and its function that says whether a module of the standard library is patched.
_PATCHES = {
    "gevent": ("gevent.monkey", "is_module_patched", "socket"),
    "eventlet": ("eventlet.patcher", "is_monkey_patched", "socket"),
}


def refuse() -> None:
    """Check that this process is not patched by a library of greenlets.

    Raises:
        BadInput: The process is patched; the message says which workers to use.
    """
    for library, (module, function, patched) in _PATCHES.items():
        loaded = sys.modules.get(module)
        if loaded is not None and getattr(loaded, function)(patched):
            raise BadInput(
                f"{library} has patched this process, which is not supported: use gunicorn's sync or gthread workers, "
                "such as --worker-class=gthread --threads=16"
            )
