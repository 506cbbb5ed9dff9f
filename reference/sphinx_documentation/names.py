"""Find the public names of a package that lack a docstring or a page, or have a type as their default."""

from __future__ import annotations

import dataclasses
import inspect
import pkgutil
import types
import typing
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from .application import import_module
from .errors import NotImportable
from .routes import docstring_of


@dataclass(frozen=True)
class Name:
    """A public module, class or function.

    Attributes:
        name: Its dotted name, in the module that exports it.
        value: The module, class or function itself.
        names: All dotted names under which a page may document it.
    """

    name: str
    value: object
    names: frozenset[str]


def modules(package: str) -> Iterator[types.ModuleType | NotImportable]:
    """Import a package and its public modules, and yield each, or the error of one that cannot be imported.

    A module is public if no part of its name begins with an underscore.
    """
    try:
        root = import_module(package)
    except NotImportable as error:
        yield error
        return
    assert isinstance(root, types.ModuleType)
    yield root
    for entry in pkgutil.iter_modules(getattr(root, "__path__", ()), f"{package}."):
        if not entry.name.rpartition(".")[2].startswith("_"):
            yield from modules(entry.name)


def public_names(module: types.ModuleType) -> Iterator[Name]:
    """Yield a module, then its public classes and functions: those of `__all__`, or those that it defines itself."""
    yield Name(module.__name__, module, frozenset({module.__name__}))
    listed = getattr(module, "__all__", None)
    for name in sorted(vars(module)) if listed is None else listed:
        value = getattr(module, name, None)
        if not (inspect.isclass(value) or inspect.isroutine(value)):
            continue
        defined_in = getattr(value, "__module__", None)
        if listed is None and (name.startswith("_") or defined_in != module.__name__):
            continue
        full = f"{module.__name__}.{name}"
        yield Name(full, value, frozenset({full, f"{defined_in}.{getattr(value, '__qualname__', name)}"}))


def faults(package: str, pages: Container[str], allowed: Sequence[str] = ()) -> Iterator[str]:
    """Yield a sentence for each fault of a package's public names.

    Args:
        package: Name of the package.
        pages: The dotted names that a page documents.
        allowed: Patterns of names that need no documentation, such as `service.legacy.*`.
    """
    seen: set[int] = set()
    for module in modules(package):
        if isinstance(module, NotImportable):
            yield str(module)
            continue
        for each in public_names(module):
            if id(each.value) in seen or any(fnmatchcase(name, pattern) for name in each.names for pattern in allowed):
                continue
            seen.add(id(each.value))
            if not docstring_of(each.value):
                yield f"{each.name} has no docstring"
            # A module without a docstring has no text of its own for a page.
            if not any(name in pages for name in each.names) and (each.value is not module or docstring_of(module)):
                yield f"{each.name} is on no page"
            if isinstance(each.value, type):
                yield from _faults_of_class(each.name, each.value, allowed)


def _faults_of_class(name: str, cls: type, allowed: Sequence[str]) -> Iterator[str]:
    for attribute, value in vars(cls).items():
        function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        full = f"{name}.{attribute}"
        if attribute.startswith("_") or not inspect.isfunction(function):
            continue
        if any(fnmatchcase(full, pattern) for pattern in allowed):
            continue
        if not any(docstring_of(vars(base).get(attribute)) for base in cls.__mro__):
            yield f"{full} has no docstring"
    if dataclasses.is_dataclass(cls):
        for field in dataclasses.fields(cls):
            if isinstance(field.default, type) and not _takes_a_type(cls, field.name):
                kind = field.default.__name__
                yield f"{name}.{field.name} has the type {kind} itself for its default: write default_factory={kind}"


def _takes_a_type(cls: type, field: str) -> bool:
    """Return whether a field's annotation allows a type as its value."""
    try:
        annotation: Any = typing.get_type_hints(cls)[field]
    except Exception:  # noqa: BLE001 an annotation may name what is imported for type checkers alone
        return False
    union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    choices = typing.get_args(annotation) if union else ()
    return any(
        choice in (type, object, Any) or typing.get_origin(choice) is type or _is_callable(choice)
        for choice in (annotation, *choices)
    )


def _is_callable(annotation: Any) -> bool:
    return getattr(typing.get_origin(annotation) or annotation, "__name__", "") == "Callable"
