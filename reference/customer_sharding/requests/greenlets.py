"""Refuse processes whose threads are greenlets, of gevent or eventlet: they are not supported.

A driver or lock that was imported before the process was patched, as under `gunicorn --preload`, does not yield: one
slow database would hold all requests of the process, and what is kept for each thread would be shared by greenlets.
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
        BadInput: It is; the message says which workers to use.
    """
    for library, (module, function, patched) in _PATCHES.items():
        loaded = sys.modules.get(module)
        if loaded is not None and getattr(loaded, function)(patched):
            raise BadInput(
                f"{library} has patched this process, which is not supported: use gunicorn's sync or gthread workers, "
                "such as --worker-class=gthread --threads=16"
            )
