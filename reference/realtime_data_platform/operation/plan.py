"""The plan of an `apply`: what it would change, and everything it would create, as files for other tools.

Read this to see how the present state of each service is compared with the wanted state.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reference.realtime_data_platform.clients.catalogs import all_catalogs, catalog_sql
from reference.realtime_data_platform.clients.rest import missing_from
from reference.realtime_data_platform.errors import BadInput
from reference.realtime_data_platform.source.description import Table, in_pinot, quoted
from reference.realtime_data_platform.source.publication import Publication
from reference.realtime_data_platform.stream import artifacts, shared_connector
from reference.realtime_data_platform.view import base, statements
from reference.realtime_data_platform.view.base import Mark

from .ownership import require_ours
from .table_set import Member, in_set

if TYPE_CHECKING:
    from reference.realtime_data_platform.platform import Platform

_LITERAL = re.compile(r"('(?:[^']|'')*')")
_FORMAT = re.compile(r"\b(as|concat)\b|[\s\"()]")


@dataclass(frozen=True)
class Change:
    """What `apply` would do to one part.

    Attributes:
        part: The part, such as `connector person`.
        what: `create` or `change`.
        text: The JSON or SQL of a new part, or the differences of an existing part.
    """

    part: str
    what: str
    text: str


def connector(platform: Platform, members: Sequence[Member], name: str = "") -> dict[str, Any]:
    """Return the connector of one table, or with a name the streaming connector of that set."""
    tables = [each.table for each in members]
    if name:
        shared_connector.check(name, tables)
        return shared_connector.streaming(name, tables, platform.peers)
    return artifacts.connector(tables[0], platform.peers)


def planned(platform: Platform, members: Sequence[Member], name: str = "") -> Iterator[Change]:
    """Yield the changes that `apply` would make, in its order; nothing is changed.

    Args:
        platform: The client of all services.
        members: One table with its views, or all tables of a set.
        name: The set's name; empty for one table.

    Raises:
        NotOurs: Somebody else made an object with a name of the pipeline.
    """
    members = in_set(members, name)
    wanted = connector(platform, members, name)
    if name:
        tables, own = [each.table for each in members], {view for each in members for view in each.views}
        platform.table_set(name).require_ours(tables, own)
    else:
        require_ours(platform, members[0].table.name, members[0].table.schema)
    publication = Publication(platform.addresses.postgres, wanted["config"]["publication.name"])
    followed = publication.followed()
    if not followed:
        yield Change(f"publication {publication.name}", "create", f"CREATE PUBLICATION {quoted(publication.name)};")
    for each in members:
        if (origin := each.table.quoted) not in followed:
            yield Change(f"publication {publication.name}", "change", _publish(publication, origin))
    config = platform.connectors.config(wanted["name"])
    if config is None:
        yield Change(f"connector {wanted['name']}", "create", _json(wanted))
    elif lines := list(_differing(config, wanted["config"])):
        yield Change(f"connector {wanted['name']}", "change", "\n".join(lines))
    catalogs = {catalog for (catalog,) in platform.trino.query("SHOW CATALOGS")}
    views = platform.trino.views("hive", "views") if "hive" in catalogs else {}
    for each in members:
        yield from _in_pinot(platform, each.table)
    for catalog, statement in _catalogs(platform).items():
        if catalog not in catalogs:
            yield Change(f"catalog {catalog}", "create", statement)
    for each in members:
        yield from _in_trino(each, views)


def _publish(publication: Publication, origin: str) -> str:
    name = quoted(publication.name)
    return f"ALTER PUBLICATION {name} ADD TABLE {origin};\nALTER TABLE {origin} REPLICA IDENTITY FULL;"


def _differing(found: Mapping[str, str], wanted: Mapping[str, str]) -> Iterator[str]:
    for key in sorted((found.keys() | wanted.keys()) - {"name"}):
        if found.get(key) != wanted.get(key):
            yield f"{key}: {found.get(key)} -> {wanted.get(key)}"


def _in_pinot(platform: Platform, table: Table) -> Iterator[Change]:
    own = in_pinot(table.pipeline)
    wanted, config = artifacts.table(table, platform.peers), platform.pinot.config(own)
    schema = artifacts.schema(table)
    columns = {field["name"] for kind, fields in schema.items() if kind.endswith("Specs") for field in fields}
    if config is None:
        yield Change(f"schema {own} of Pinot", "create", _json(schema))
        yield Change(f"table {own} of Pinot", "create", _json(wanted))
        return
    if new := columns - platform.pinot.columns(own):
        yield Change(f"schema {own} of Pinot", "change", f"new columns: {', '.join(sorted(new))}")
    if paths := missing_from({**wanted, "tableName": f"{own}_REALTIME"}, config):
        yield Change(f"table {own} of Pinot", "change", "\n".join(paths))


def _in_trino(member: Member, views: Mapping[str, str]) -> Iterator[Change]:
    readers = base.readers(member.table.pipeline, views)
    if not readers:
        yield Change(base.base(member.table.pipeline), "create", base.create_sql(member.table))
    mark = min(map(base.mark_of, readers.values()), default=Mark(base.BEGINNING, 0))
    for name, statement in _views(member, mark).items():
        found = views.get(name)
        if found is None:
            yield Change(f"view hive.views.{name}", "create", statement)
        elif _normal(found) != _normal(statement.partition(" AS\n")[2]):
            yield Change(f"view hive.views.{name}", "change", statement)


def _views(member: Member, mark: Mark) -> dict[str, str]:
    """Return the CREATE VIEW statements of a table by the view's name."""
    return {name: statements.view_sql(member.table, mark, where, name) for name, where in member.all_views().items()}


def _normal(sql: str) -> str:
    """Return a query in a form in which it equals the text that Trino stores for a view.

    Trino formats the text anew: it changes case and white space, and writes `a || b` as `concat(a, b)`.
    """
    parts = _LITERAL.split(sql)
    return "".join(
        part if number % 2 else _FORMAT.sub("", part.lower()).replace("||", ",") for number, part in enumerate(parts)
    )


def _catalogs(platform: Platform) -> dict[str, str]:
    return {name: catalog_sql(name, name, properties) for name, properties in all_catalogs(platform.peers).items()}


def rendered(platform: Platform, members: Sequence[Member], name: str = "") -> dict[str, str]:
    """Return everything that `apply` would create, as text by the path of a file; no service is queried.

    A view names the snapshot of the base that it reads. That snapshot exists only after `apply`, and is 0 in the files.

    Args:
        platform: The client of all services.
        members: One table with its views, or all tables of a set.
        name: The set's name; empty for one table.
    """
    members = in_set(members, name)
    wanted = connector(platform, members, name)
    files = {f"connectors/{wanted['name']}.json": _json(wanted)}
    files |= {f"catalogs/{catalog}.sql": f"{statement}\n" for catalog, statement in _catalogs(platform).items()}
    publication = Publication(platform.addresses.postgres, wanted["config"]["publication.name"])
    files[f"connectors/{wanted['name']}.sql"] = f"CREATE PUBLICATION {quoted(publication.name)};\n"
    for each in members:
        own, origin = each.table.pipeline, each.table.quoted
        files[f"tables/{own}/publication.sql"] = f"{_publish(publication, origin)}\n"
        files[f"tables/{own}/schema.json"] = _json(artifacts.schema(each.table))
        files[f"tables/{own}/table.json"] = _json(artifacts.table(each.table, platform.peers))
        files[f"tables/{own}/base.sql"] = f"{base.create_sql(each.table)}\n"
        for view, statement in _views(each, Mark(base.BEGINNING, 0)).items():
            if "/" in view or view in {"", ".", ".."}:
                raise BadInput(f"{view!r} cannot be the name of a file: give the view another name")
            files[f"tables/{own}/views/{view}.sql"] = f"{statement}\n"
    return files


def write(files: Mapping[str, str], folder: Path) -> None:
    """Write files into a folder.

    Raises:
        BadInput: The files cannot be written.
    """
    try:
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{folder} cannot be written: {error}") from error


def _json(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"
