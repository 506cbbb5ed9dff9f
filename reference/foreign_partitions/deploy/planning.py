"""Compare the state of the servers with the description, and plan the statements that remove the differences.

Open it to see which differences `apply` repairs, and which it reports as conflicts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from psycopg import sql

from reference.foreign_partitions.description import TLS_OF_A_LOGIN, Description, Login, Secret, Server

from .catalog import ServerState, TableState
from .compatibility import differences

BASE = "base"
SETTINGS = ("enable_partitionwise_aggregate", "enable_partitionwise_join")


@dataclass(frozen=True)
class Change:
    """A statement to execute.

    Attributes:
        host: `base`, or the server's name.
        shown: The statement with passwords masked.
        statement: The statement.
    """

    host: str
    shown: str
    statement: sql.Composed = field(repr=False)

    def __str__(self) -> str:
        return f"{self.host}: {self.shown}"


@dataclass(frozen=True)
class Plan:
    """The difference between the state and the description.

    Attributes:
        changes: Statements to execute, in order: the servers' statements first, since the base's depend on them.
        conflicts: Differences that no statement can resolve without losing data or guessing.
    """

    changes: Sequence[Change] = ()
    conflicts: Sequence[str] = ()


def plan(description: Description, base: ServerState, servers: Mapping[str, ServerState]) -> Plan:
    """Return the statements that turn the state into the description. A pure function: no server is contacted.

    Args:
        description: The description.
        base: The state of the base's server.
        servers: The states of the described servers, by name.
    """
    planner = _Planner(description)
    for server in description.servers:
        state = servers[server.name]
        planner.types(server.name, state, base)
        planner.host(server.name, state, server.name)
        planner.layout(server.name, state)
        planner.checks(server.name, state, base)
    if base.types is not None and not base.types.hashable:
        column = description.table.columns[description.table.hash]
        planner.conflicts.append(
            f"base: {column.type} has no hash function, so {description.table.hash} cannot be the partition key: "
            f"choose a column of another type"
        )
    planner.connections(base)
    planner.host(BASE, base, None)
    planner.foreign(base)
    if description.partitionwise:
        for setting in SETTINGS:
            if base.settings.get(setting) != "on":
                planner.change(BASE, "ALTER DATABASE {} SET {} = on", base.database, setting)
    return Plan(planner.changes, planner.conflicts)


def prepare(description: Description, base: ServerState, servers: Mapping[str, ServerState]) -> Plan:
    """Return the statements that prepare the servers for partitions: connections to them, and a parent table on each.

    Args:
        description: The description.
        base: The state of the base's server.
        servers: The states of the described servers, by name.
    """
    planner = _Planner(description)
    for server in description.servers:
        state = servers[server.name]
        planner.types(server.name, state, base)
        planner.parent_of(server.name, state, None)
        planner.checks(server.name, state, base)
    planner.connections(base)
    planner.parent_of(BASE, base, description.table.identity)
    return Plan(planner.changes, planner.conflicts)


class _Planner:
    """Collects the changes and conflicts; each public method compares one kind of object with the description."""

    def __init__(self, description: Description) -> None:
        self.description = description
        self.table = description.table
        self.parent = sql.Identifier(self.table.schema, self.table.name)
        self.changes: list[Change] = []
        self.conflicts: list[str] = []

    def change(self, host: str, statement: str, *names: str | sql.Composable) -> None:
        """Add a statement; names are quoted, passwords shown as stars."""
        parts = [sql.Identifier(each) if type(each) is str else each for each in names]
        shown = [sql.SQL("'***'") if isinstance(each, _Password) else each for each in parts]
        self.changes.append(
            Change(host, sql.SQL(statement).format(*shown).as_string(), sql.SQL(statement).format(*parts))
        )

    # Connections from the base to the servers

    def connections(self, base: ServerState) -> None:
        """Plan the extension, the foreign servers and the user mappings."""
        if not self.description.servers:
            return
        if not base.extension:
            self.change(BASE, "CREATE EXTENSION postgres_fdw")
        for server in self.description.servers:
            if server.name not in base.servers:
                options = _options({name: ("", value) for name, value in server.options.items()})
                self.change(
                    BASE, "CREATE SERVER {} FOREIGN DATA WRAPPER postgres_fdw OPTIONS ({})", server.name, options
                )
            elif differing := _differing(base.servers[server.name], server.options):
                self.change(BASE, "ALTER SERVER {} OPTIONS ({})", server.name, _options(differing))
            owner = Login(server.endpoint.user, server.endpoint.password)
            for role, login in {base.user: owner, **server.roles}.items():
                self._mapping(server, role, login, base)

    def _mapping(self, server: Server, role: str, login: Login, base: ServerState) -> None:
        wanted: dict[str, str] = {"user": login.user, "password": login.password, **login.tls}
        literals: dict[str, sql.Literal] = {name: sql.Literal(value) for name, value in wanted.items()}
        literals["password"] = _Password(login.password)
        if (server.name, role) not in base.mappings:
            options = ", ".join(f"{name} {{}}" for name in wanted)
            statement = f"CREATE USER MAPPING FOR {{}} SERVER {{}} OPTIONS ({options})"
            self.change(BASE, statement, role, server.name, *literals.values())
            return
        existing = base.mappings[server.name, role]
        for name, value in wanted.items():
            if existing.get(name) != value:
                verb = sql.SQL("SET" if name in existing else "ADD")
                statement = f"ALTER USER MAPPING FOR {{}} SERVER {{}} OPTIONS ({{}} {name} {{}})"
                self.change(BASE, statement, role, server.name, verb, literals[name])
        for name in sorted(TLS_OF_A_LOGIN & existing.keys() - wanted.keys()):
            self.change(BASE, f"ALTER USER MAPPING FOR {{}} SERVER {{}} OPTIONS (DROP {name})", role, server.name)

    # Tables stored on a host itself

    def host(self, host: str, state: ServerState, server: str | None) -> None:
        """Plan the parent and the leaves that a host stores itself, be it the base or a server."""
        identity = self.table.identity if server is None else None
        if not self.parent_of(host, state, identity):
            return
        for remainder, leaf in self.description.on(server).items():
            self._leaf(host, state, leaf.name, remainder)
        if self.table.name in state.relations:
            self._sequence(host, state.relations[self.table.name], identity)

    def parent_of(self, host: str, state: ServerState, identity: str | None) -> bool:
        """Plan the partitioned table on a host, and return whether its partitions can be planned, too."""
        for name, kind in ((name, each.type) for name, each in self.table.columns.items()):
            if state.spelled.get(kind) is None:
                self.conflicts.append(f"{host} knows no type {kind!r}, which {name} is to have")
                return False
        if not state.schema:
            self.change(host, "CREATE SCHEMA {}", self.table.schema)
        parent = state.relations.get(self.table.name)
        if parent is None:
            columns = [
                sql.SQL("{} {}{}").format(
                    sql.Identifier(name),
                    sql.SQL(column.type + ("" if self.table.nullable(name) else " NOT NULL")),
                    sql.SQL(" GENERATED ALWAYS AS IDENTITY" if name == identity else ""),
                )
                for name, column in self.table.columns.items()
            ]
            statement = "CREATE TABLE {} ({}) PARTITION BY HASH ({})"
            self.change(host, statement, self.parent, sql.SQL(", ").join(columns), self.table.hash)
            return True
        return self._same(host, state, self.table.name, parent)

    def layout(self, host: str, state: ServerState) -> None:
        """Plan the layout table of a server, by which clients notice that they know another layout."""
        table, layout = sql.Identifier(self.table.schema, self.table.layout_table), self.description.layout
        if state.layout is None:
            self.change(host, "CREATE TABLE {} AS SELECT {}::text AS layout", table, sql.Literal(layout))
        elif not state.layout:
            self.change(host, "INSERT INTO {} VALUES ({})", table, sql.Literal(layout))
        elif state.layout != layout:
            self.change(host, "UPDATE {} SET layout = {}", table, sql.Literal(layout))

    def _leaf(self, host: str, state: ServerState, name: str, remainder: int) -> None:
        table = sql.Identifier(self.table.schema, name)
        key = sql.SQL("PRIMARY KEY ({})").format(_list(self.table.key))
        relation = state.relations.get(name)
        bound = self._bound(remainder)
        if relation is None:
            self.change(host, f"CREATE TABLE {{}} PARTITION OF {{}} ({{}}) {bound}", table, self.parent, key)
        elif not self._same(host, state, name, relation):
            return
        else:
            if relation.parent is None:
                for column, each in relation.columns.items():
                    # Only the base fills the column; a second sequence would generate the same numbers again.
                    if column == self.table.identity and each.identity:
                        self.change(host, "ALTER TABLE {} ALTER {} DROP IDENTITY", table, column)
                    elif column == self.table.identity and each.default:
                        self.change(host, "ALTER TABLE {} ALTER {} DROP DEFAULT", table, column)
                self.change(host, f"ALTER TABLE {{}} ATTACH PARTITION {{}} {bound}", self.parent, table)
            elif (relation.parent, _spelled(relation.bound)) != (self.table.name, _spelled(bound)):
                self.conflicts.append(
                    f"{host}: {name} is a partition of {relation.parent} {relation.bound}, not {bound}"
                )
                return
            if relation.unlogged:
                self.change(host, "ALTER TABLE {} SET LOGGED", table)
            if not relation.key:
                self.change(host, "ALTER TABLE {} ADD {}", table, key)
            elif set(relation.key) != set(self.table.key):
                self.conflicts.append(f"{host}: the key of {name} is ({', '.join(relation.key)})")
        for columns in self.table.indexes:
            if relation is None or tuple(columns) not in relation.indexes:
                self.change(host, "CREATE INDEX ON {} ({})", table, _list(columns))

    def _sequence(self, host: str, parent: TableState, identity: str | None) -> None:
        """Plan the identity column, whose numbers must come from the base's identity alone."""
        column = self.table.identity
        if column is None or column not in parent.columns:
            return
        there = parent.columns[column]
        if there.default:
            self.change(host, "ALTER TABLE {} ALTER {} DROP DEFAULT", self.parent, column)
            if there.sequence is not None:
                self.change(host, "DROP SEQUENCE {}", sql.SQL(there.sequence))
        if identity is not None and not there.identity:
            self.change(host, "ALTER TABLE {} ALTER {} ADD GENERATED ALWAYS AS IDENTITY", self.parent, column)
            name = sql.Literal(self.parent.as_string())
            statement = "SELECT setval(pg_get_serial_sequence({}, {}), max({})) FROM {}"
            self.change(host, statement, name, sql.Literal(column), column, self.parent)
        elif identity is not None and there.identity == "d":
            self.change(host, "ALTER TABLE {} ALTER {} SET GENERATED ALWAYS", self.parent, column)
        elif identity is None and there.identity:
            self.change(host, "ALTER TABLE {} ALTER {} DROP IDENTITY", self.parent, column)

    # Foreign tables

    def foreign(self, base: ServerState) -> None:
        """Plan the base's foreign tables."""
        for server in self.description.servers:
            for remainder, leaf in self.description.on(server.name).items():
                table = sql.Identifier(self.table.schema, leaf.name)
                relation = base.relations.get(leaf.name)
                bound = self._bound(remainder)
                if relation is None:
                    statement = f"CREATE FOREIGN TABLE {{}} PARTITION OF {{}} {bound} SERVER {{}}"
                    self.change(BASE, statement, table, self.parent, server.name)
                elif relation.kind != "f" or relation.server != server.name:
                    where = relation.server or "the base"
                    self.conflicts.append(f"{leaf.name} lives on {where}, and is described on {server.name}")
                elif (relation.parent, _spelled(relation.bound)) != (self.table.name, _spelled(bound)):
                    self.conflicts.append(f"base: {leaf.name} is a partition of {relation.parent} {relation.bound}")
                else:
                    self._foreign_options(leaf.name, table, relation)

    def _foreign_options(self, name: str, table: sql.Identifier, relation: TableState) -> None:
        """Drop options of a foreign table that point to another table or override the server's options."""
        implied = {"schema_name": self.table.schema, "table_name": name}
        for option, value in relation.options.items():
            if implied.get(option) != value:
                self.change(BASE, "ALTER FOREIGN TABLE {} OPTIONS (DROP {})", table, option)
        for column, each in relation.columns.items():
            if each.remote_name not in (None, column):
                statement = "ALTER FOREIGN TABLE {} ALTER {} OPTIONS (DROP column_name)"
                self.change(BASE, statement, table, column)

    def types(self, host: str, state: ServerState, base: ServerState) -> None:
        """Report types of columns that have the same name and differ on a server, or hash a value differently."""
        if base.types is not None and state.types is not None:
            self.conflicts += differences(base.types, state.types, host, self.table)

    def checks(self, host: str, state: ServerState, base: ServerState) -> None:
        """Plan the base's CHECK constraints on the servers: the base does not enforce them in foreign partitions."""
        parent = base.relations.get(self.table.name)
        inherited = parent.checks if parent is not None else {}
        self._missing_checks(host, self.table.name, inherited, state)
        for leaf in self.description.on(host).values():
            relation = base.relations.get(leaf.name)
            own = relation.checks if relation is not None and relation.kind == "f" else {}
            self._missing_checks(host, leaf.name, {k: v for k, v in own.items() if k not in inherited}, state)

    def _missing_checks(self, host: str, name: str, wanted: Mapping[str, str], state: ServerState) -> None:
        relation = state.relations.get(name)
        there = relation.checks if relation is not None else {}
        for constraint, definition in wanted.items():
            if constraint not in there:
                table = sql.Identifier(self.table.schema, name)
                self.change(host, "ALTER TABLE {} ADD CONSTRAINT {} {}", table, constraint, sql.SQL(definition))
            elif there[constraint] != definition:
                self.conflicts.append(
                    f"{host}: {constraint} of {name} is {there[constraint]}, and on the base {definition}"
                )

    def _same(self, host: str, state: ServerState, name: str, relation: TableState) -> bool:
        """Report differences of a table's kind and columns as conflicts, and return whether there are none."""
        before = len(self.conflicts)
        by, parent = f"HASH ({sql.Identifier(self.table.hash).as_string()})", name == self.table.name
        if relation.kind != ("p" if parent else "r"):
            kind = {"f": f"a foreign table on {relation.server}", "p": "partitioned", "r": "a plain table"}
            self.conflicts.append(f"{host}: {name} is {kind.get(relation.kind, 'no table')}")
        elif parent and (relation.partitioned_by or "").replace('"', "") != by.replace('"', ""):
            self.conflicts.append(f"{host}: {name} is partitioned by {relation.partitioned_by}, not by {by}")
        wanted = {
            name: (state.spelled[each.type], self.table.nullable(name)) for name, each in self.table.columns.items()
        }
        there = {name: (each.type, each.null) for name, each in relation.columns.items()}
        for column in dict.fromkeys([*wanted, *there]):
            if wanted.get(column) != there.get(column):
                is_, should = _column_text(there.get(column)), _column_text(wanted.get(column))
                self.conflicts.append(f"{host}: column {column} of {name} is {is_}, and should be {should}")
        if relation.rules:
            self.conflicts.append(f"{host}: {name} has rules, which may turn an INSERT into nothing: drop them")
        for column, each in relation.columns.items():
            if each.generated:
                self.conflicts.append(f"{host}: column {column} of {name} is generated, which no description has")
        return len(self.conflicts) == before

    def _bound(self, remainder: int) -> str:
        return f"FOR VALUES WITH (MODULUS {self.description.modulus}, REMAINDER {remainder})"


class _Password(sql.Literal):
    """A literal whose `repr` hides its value."""

    def __init__(self, value: Secret) -> None:
        super().__init__(value.revealed)

    def __repr__(self) -> str:
        return "_Password('***')"


def _list(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _options(options: Mapping[str, tuple[str, str | None]]) -> sql.Composed:
    return sql.SQL(", ").join(
        sql.SQL(verb + "{}" + ("" if value is None else " {}")).format(sql.Identifier(name), sql.Literal(value))
        for name, (verb, value) in options.items()
    )


def _differing(there: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, tuple[str, str | None]]:
    def differing() -> Iterator[tuple[str, tuple[str, str | None]]]:
        for name, value in wanted.items():
            if there.get(name) != value:
                yield name, ("SET " if name in there else "ADD ", value)
        for name in there:
            if name not in wanted:
                yield name, ("DROP ", None)

    return dict(differing())


def _spelled(bound: str | None) -> str:
    return (bound or "").lower()


def _column_text(column: tuple[str | None, bool] | None) -> str:
    return "missing" if column is None else f"{column[0]}{'' if column[1] else ' not null'}"
