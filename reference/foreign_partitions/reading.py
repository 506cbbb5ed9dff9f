"""Read descriptions from TOML or JSON files; passwords come from environment variables only."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .description import Column, Description, Endpoint, Login, Partition, Secret, Server, Table
from .errors import BadDescription

ENDPOINT = {"host", "port", "database", "user", "password_environment", "tls"}


def read(path: Path, environment: Mapping[str, str] | None = None) -> Description:
    """Read a description.

    Args:
        path: A file that ends in `.toml` or `.json`.
        environment: The variables that the file names for passwords (`password_environment`); by default this
            process's.

    Raises:
        BadDescription: The file does not exist, is not valid TOML or JSON, or describes an impossible table.
    """
    try:
        text = path.read_text(encoding="utf-8")
        data = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise BadDescription(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:  # both decoders' errors, and text that is not UTF-8
        raise BadDescription(f"{path} is not {path.suffix.lstrip('.').upper() or 'TOML'}: {error}") from None
    try:
        return parse(data, os.environ if environment is None else environment)
    except BadDescription as error:
        raise BadDescription(f"{path}: {error}") from None


def parse(data: object, environment: Mapping[str, str]) -> Description:
    """Build a description from decoded data.

    Args:
        data: The decoded file.
        environment: The variables that the file names for passwords (`password_environment`).

    Raises:
        BadDescription: A key is missing, unknown, or of the wrong type.
    """
    whole = _table(data, "the description", {"base", "table", "partitions", "servers", "partitionwise"})
    base = _endpoint(_table(whole.get("base"), "base", ENDPOINT), "base", environment)
    for kind in ("range", "list", "partition_by", "subpartitions"):
        if isinstance(whole.get("table"), dict) and kind in whole["table"]:
            raise BadDescription(
                f"table.{kind} is not supported: a table is partitioned by the hash of one column (hash = '...'), and "
                f"its partitions are not partitioned again"
            )
    table = _table(whole.get("table"), "table", {"name", "schema", "columns", "hash", "identity", "key", "indexes"})
    columns = _table(table.get("columns"), "table.columns")
    servers = _table(whole.get("servers", {}), "servers")
    partitions = _typed(whole, "partitions", list, "the description")
    return Description(
        base=base,
        table=Table(
            name=_typed(table, "name", str, "table"),
            columns={name: _column(each, name) for name, each in columns.items()},
            hash=_hash(table),
            identity=_typed(table, "identity", str, "table", None),
            key=_names(table.get("key", []), "table.key"),
            indexes=[_names(each, "table.indexes") for each in _typed(table, "indexes", list, "table", [])],
            schema=_typed(table, "schema", str, "table", "public"),
        ),
        partitions=[_partition(each, number) for number, each in enumerate(partitions)],
        servers=[_server(name, each, environment) for name, each in servers.items()],
        partitionwise=_typed(whole, "partitionwise", bool, "the description", True),
    )


def _endpoint(entry: Mapping[str, Any], where: str, environment: Mapping[str, str]) -> Endpoint:
    return Endpoint(
        host=_typed(entry, "host", str, where),
        port=_typed(entry, "port", int, where, 5432),
        database=_typed(entry, "database", str, where, "postgres"),
        user=_typed(entry, "user", str, where, "postgres"),
        password=_password(entry, where, environment),
        tls=_texts(entry, "tls", where),
    )


def _server(name: str, data: object, environment: Mapping[str, str]) -> Server:
    where = f"servers.{name}"
    known = {"reached", "batch_size", "fetch_size", "asynchronous", "connect_timeout", "settings", "roles"}
    entry = _table(data, where, ENDPOINT | known)
    roles = _table(entry.get("roles", {}), f"{where}.roles")
    reached = None
    if "reached" in entry:
        way = _table(entry["reached"], f"{where}.reached", {"host", "port"})
        reached = (_typed(way, "host", str, f"{where}.reached"), _typed(way, "port", int, f"{where}.reached", 5432))
    return Server(
        name=name,
        endpoint=_endpoint(entry, where, environment),
        reached=reached,
        batch_size=_typed(entry, "batch_size", int, where, 100),
        fetch_size=_typed(entry, "fetch_size", int, where, 1000),
        asynchronous=_typed(entry, "asynchronous", bool, where, True),
        connect_timeout=_typed(entry, "connect_timeout", int, where, 2),
        settings=_texts(entry, "settings", where),
        roles={role: _login(each, f"{where}.roles.{role}", environment) for role, each in roles.items()},
    )


def _login(data: object, where: str, environment: Mapping[str, str]) -> Login:
    entry = _table(data, where, {"user", "password_environment", "tls"})
    tls = _texts(entry, "tls", where)
    return Login(_typed(entry, "user", str, where), _password(entry, where, environment), tls)


def _password(entry: Mapping[str, Any], where: str, environment: Mapping[str, str]) -> Secret:
    variable = _typed(entry, "password_environment", str, where, None)
    if variable is not None and variable not in environment:
        raise BadDescription(f"{where}: the password is looked for in the variable {variable}, which is not set")
    return Secret(environment[variable] if variable is not None else "")


def _hash(table: Mapping[str, Any]) -> str:
    if isinstance(table.get("hash"), list):
        raise BadDescription(
            f"table.hash is {table['hash']!r}: partitioning by several columns is not supported: name the one column "
            f"that lookups always carry"
        )
    name: str = _typed(table, "hash", str, "table")
    return name


def _column(data: object, name: str) -> Column:
    if isinstance(data, str):
        return Column(data)
    entry = _table(data, f"table.columns.{name}", {"type", "null"})
    where = f"table.columns.{name}"
    return Column(_typed(entry, "type", str, where), _typed(entry, "null", bool, where, False))


def _partition(data: object, number: int) -> Partition:
    where = f"partition {number}"
    entry = _table(data, where, {"name", "server"})
    return Partition(_typed(entry, "name", str, where), _typed(entry, "server", str, where, None))


def _names(data: object, where: str) -> list[str]:
    if not isinstance(data, list) or not all(isinstance(each, str) for each in data):
        raise BadDescription(f"{where} is {data!r}: write a list of columns")
    return data


def _texts(entry: Mapping[str, Any], name: str, where: str) -> Mapping[str, str]:
    """Return a table of options, each of which is a text."""
    options = _table(entry.get(name, {}), f"{where}.{name}")
    if not_text := [option for option, value in options.items() if not isinstance(value, str)]:
        raise BadDescription(f"{where}.{name}: write the value of {not_text[0]} as text, such as 'true'")
    return options


def _table(data: object, where: str, known: set[str] | None = None) -> Mapping[str, Any]:
    """Return a table of the file, after a check that all its keys are known."""
    if not isinstance(data, dict):
        raise BadDescription(
            f"{where} is {'missing' if data is None else repr(data)}: write a table of names and values"
        )
    if known is not None and (unknown := set(data) - known):
        if "password" in unknown:
            raise BadDescription(f"{where} holds a password: name the variable it is in, password_environment = '...'")
        raise BadDescription(
            f"{where}: {', '.join(sorted(unknown))} is not known; there are {', '.join(sorted(known))}"
        )
    return data


_NEEDED = object()


def _typed(entry: Mapping[str, Any], name: str, kind: type, where: str, default: Any = _NEEDED) -> Any:
    """Return the value of a key, after a check of its type."""
    if name not in entry:
        if default is _NEEDED:
            raise BadDescription(f"{where} lacks {name}")
        return default
    value = entry[name]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise BadDescription(f"{where}: {name} is {value!r}, and must be a {kind.__name__}")
    return value
