"""Lazy import of a package's public names: each is imported when it is first used.

A package lists its public names in `__init__` so that a user finds them in one place; importing all their modules there
would cost every program the start-up time of drivers and frameworks that it may never use.
Read this to see what `__getattr__` of a package does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def import_at_first_use(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the `__getattr__` (PEP 562) of a package.

    Args:
        package: The package's `__name__`.
        modules: Module, relative to the package, by public name.

    Returns:
        A function that imports the module of a public name and keeps its value in the package; it raises
        AttributeError for any other name.
    """

    def import_name(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f"{package}.{modules[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return import_name
