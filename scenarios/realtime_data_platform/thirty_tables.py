"""A schema of thirty tables: awkward names, keys of many types, and each type of PostgreSQL in some table."""

import itertools
import json
from dataclasses import dataclass

from reference.realtime_data_platform.source.description import pipeline, quoted
from scenarios.realtime_data_platform.every_type import OBJECTS, ONLY_AS_TEXT, SCHEMA, VALUES

SCHEMAS = ("public", "Größe 2024 'a'", "Sales; Nord")
NAMES = [
    *("select", "select", "Order Items; 'x' 😀", "K" * 63, "a.b c", "order", "Order", "2024", "user", 'from "x"'),
    *("it's", "tab\there", "e_mail", "Straße", "日本語", "back\\slash", "percent%s", "dollar$1", "brace{0}"),
    *("order-items", "trailing_", "double__under", "UPPER", "CamelCase", "_hidden", "a/b?c=d&e", "<html>"),
    *("@at #hash", "new\nline", "null"),
]

# The second column of each table's key, and its value for a number.
KEYS = {
    "uuid": "00000000-0000-0000-0000-{:012}",
    "text": "key {} é'\"",
    "bigint": "-{}",
    "numeric(38,10)": "{}.0000000001",
    "date": "{:04}-02-01",
    "timestamptz": "2024-01-01 00:00:00.{:06}+00",
    "varchar(40)": "key {} ",
    "boolean": "true",
}


@dataclass(frozen=True)
class OneTable:
    """A table of the schema, with statements that write to it.

    Attributes:
        schema: Its schema.
        name: Its name.
        key: Type of the second column of its key.
        columns: Type and values of each other column, by its name.
        as_text: Names of the columns that are carried as text.
    """

    schema: str
    name: str
    key: str
    columns: dict
    as_text: tuple

    @property
    def origin(self):
        """Its quoted name."""
        return f"{quoted(self.schema)}.{quoted(self.name)}"

    @property
    def pipeline(self):
        """The name under which it is replicated."""
        return pipeline(self.name, self.schema)

    def described(self, platform):
        """Return its definition, as PostgreSQL has it now."""
        return platform.describe(self.name, self.schema, as_text=self.as_text)

    def listed(self):
        """Return its entry in the file of a set."""
        entry = {"name": self.name, "schema": self.schema, "as_text": self.as_text}
        lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in entry.items()]
        return "[[table]]\n" + "".join(lines)

    def create(self, connection):
        """Create it anew, with ten rows."""
        columns = "".join(f", {quoted(name)} {kind}" for name, (kind, _) in self.columns.items())
        connection.execute(f"DROP TABLE IF EXISTS {self.origin}".encode())
        connection.execute(
            f'CREATE TABLE {self.origin} ("Id" bigint, key {self.key}{columns}, PRIMARY KEY (key, "Id"))'.encode()
        )
        for number in range(1, 11):
            self.insert(connection, number)

    def insert(self, connection, number):
        """Insert a row, with the next value of each column."""
        names = "".join(f", {quoted(name)}" for name in self.columns)
        places = "".join(f", %s::text::{kind}" for kind, _ in self.columns.values())
        values = [each[number % len(each)] for _, each in self.columns.values()]
        connection.execute(
            f'INSERT INTO {escaped(self.origin)} ("Id", key{escaped(names)}) '
            f"VALUES (%s, %s::text::{self.key}{places})".encode(),
            [number, KEYS[self.key].format(number % 9999 + 1), *values],
        )

    def change(self, connection, number):
        """Insert, update and delete a row."""
        self.insert(connection, number)
        for name, (kind, values) in self.columns.items():
            setting = f"SET {escaped(quoted(name))} = %s::text::{kind}"
            connection.execute(
                f'UPDATE {escaped(self.origin)} {setting} WHERE "Id" = %s'.encode(),
                [values[number % len(values)], number % 10 + 1],
            )
        connection.execute(f'DELETE FROM {escaped(self.origin)} WHERE "Id" = %s'.encode(), [number - 1])


def escaped(name):
    """Return a part of a statement that has parameters."""
    return name.replace("%", "%%")


def tables(number=30):
    """Return the first tables; of all thirty, the columns have each type."""
    kinds = [(kind, values, False) for kind, values in VALUES.items()]
    kinds += [(kind, values, True) for kind, values in ONLY_AS_TEXT.items()]
    made = []
    for at, (name, schema, key) in enumerate(zip(NAMES, itertools.cycle(SCHEMAS), itertools.cycle(KEYS), strict=False)):
        own = kinds[at :: len(NAMES)]
        columns = {f"Value {kind}": (kind, values) for kind, values, _ in own}
        as_text = tuple(f"Value {kind}" for kind, _, as_text in own if as_text)
        made.append(OneTable(schema, name, key, columns, as_text))
    return made[:number]


def create(connection, chosen):
    """Create schemas, types and tables anew."""
    connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    connection.execute(OBJECTS)
    for schema in SCHEMAS[1:]:
        connection.execute(f"DROP SCHEMA IF EXISTS {quoted(schema)} CASCADE".encode())
        connection.execute(f"CREATE SCHEMA {quoted(schema)}".encode())
    for table in chosen:
        table.create(connection)


def drop(connection, chosen):
    """Remove the tables and their types."""
    for table in chosen:
        connection.execute(f"DROP TABLE IF EXISTS {table.origin}".encode())
    connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
