"""The public names of a package, and their faults: without a docstring, on no page, or a type for a default."""

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
        name: Its dotted name, in the module where it is defined.
        it: The object.
        names: All dotted names under which a page may have it.
    """

    name: str
    it: object
    names: frozenset[str]


def modules(package: str) -> Iterator[types.ModuleType | NotImportable]:
    """Yield a package and its public modules, each imported; for one that cannot be imported, the error.

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
        it = getattr(module, name, None)
        if not (inspect.isclass(it) or inspect.isroutine(it)):
            continue
        home = getattr(it, "__module__", None)
        if listed is None and (name.startswith("_") or home != module.__name__):
            continue
        full = f"{module.__name__}.{name}"
        yield Name(full, it, frozenset({full, f"{home}.{getattr(it, '__qualname__', name)}"}))


def faults(package: str, pages: Container[str], allowed: Sequence[str] = ()) -> Iterator[str]:
    """Yield what speaks against the public names of a package, in a sentence each.

    Args:
        package: Name of the package.
        pages: The dotted names that are on a page.
        allowed: Patterns (`service.legacy.*`) of names that need no documentation.
    """
    seen: set[int] = set()
    for module in modules(package):
        if isinstance(module, NotImportable):
            yield str(module)
            continue
        for each in public_names(module):
            if id(each.it) in seen or any(fnmatchcase(name, pattern) for name in each.names for pattern in allowed):
                continue
            seen.add(id(each.it))
            if not docstring_of(each.it):
                yield f"{each.name} has no docstring"
            if not any(name in pages for name in each.names) and (each.it is not module or _has_text(module)):
                yield f"{each.name} is on no page"
            if isinstance(each.it, type):
                yield from _faults_of_class(each.name, each.it, allowed)


def _has_text(module: types.ModuleType) -> bool:
    return bool(docstring_of(module))


def _faults_of_class(name: str, it: type, allowed: Sequence[str]) -> Iterator[str]:
    for attribute, value in vars(it).items():
        function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        full = f"{name}.{attribute}"
        if attribute.startswith("_") or not inspect.isfunction(function):
            continue
        if any(fnmatchcase(full, pattern) for pattern in allowed):
            continue
        if not any(docstring_of(vars(base).get(attribute)) for base in it.__mro__):
            yield f"{full} has no docstring"
    if dataclasses.is_dataclass(it):
        for field in dataclasses.fields(it):
            if isinstance(field.default, type) and not _takes_a_type(it, field.name):
                kind = field.default.__name__
                yield f"{name}.{field.name} has the type {kind} itself for its default: write default_factory={kind}"


def _takes_a_type(it: type, field: str) -> bool:
    """Return whether a field is annotated as a type or as anything at all, so that a type may be its default."""
    try:
        annotation: Any = typing.get_type_hints(it)[field]
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
