"""One side of a move: what the mover does in a database, each call one transaction.

Values travel as the server's own text, so that what arrives is what left: no driver's idea of a number or a time is
between them.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
import pymysql
from pymysql.converters import encoders

from .copying import Batch, Claim, Copied, Held, Key, Row
from .credentials import Credentials, Flavor
from .errors import BadInput, Busy, Conflict, DatabaseUnavailable, Superseded
from .guard import COPYING, EXCLUSIVE, FENCED, GONE, INCOMING, OPEN, own_tables, triggers
from .tables import Table, quoted, read_tables

LOCK_WAIT = 2  # seconds that a change of state waits for the customer's transactions
AT_ONCE = 500  # keys in one statement
NUMBERS = 1 << 40  # ids that a database may give out, from its number times as many


class Side:
    """A database that customers come to or leave; one connection, for one thread.

    Args:
        name: What operators call it.
        credentials: Of the user who owns the customers' tables.
        identifier_field: The column that names the customer.
        timeout: Seconds to connect (a whole number, at least 2).
    """

    def __init__(self, name: str, credentials: Credentials, identifier_field: str, timeout: int = 3) -> None:
        self.name = name
        self.flavor = credentials.flavor
        self._credentials = credentials
        self._field = identifier_field
        self._timeout = timeout
        self._connection: Any = None
        self._tables: Sequence[Table] | None = None

    # What operators do

    def prepare(self, number: int, user: str) -> Sequence[str]:
        """Put the guard on every customers' table, and let its generated ids begin where no other database's do.

        The latter on PostgreSQL. On MySQL ids are told apart by the server's `auto_increment_increment` and
        `_offset`, or by keys that begin with the customer.

        Args:
            number: The database's, from 1.
            user: Whom the credentials name that applications get; may see who is there.

        Returns:
            Names of the tables.

        Raises:
            Conflict: A table cannot be guarded; the message says which and why.
        """
        quote = self._quote
        with self._transaction() as cursor:
            for statement in own_tables(self.flavor):
                cursor.execute(statement)
            tables = read_tables(cursor, self.flavor, self._field)
            for table in tables:
                for statement in triggers(self.flavor, table, self._field):
                    cursor.execute(statement)
            if self.flavor is Flavor.POSTGRES:
                if user != self._credentials.user:
                    cursor.execute(f"GRANT SELECT ON sharding_customer TO {quote(user)}")
                for table in tables:
                    for column in table.serial:
                        self._number(cursor, table, column, number)
        self._tables = tables
        return [table.name for table in tables]

    def _number(self, cursor: Any, table: Table, column: str, number: int) -> None:
        cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", (self._quote(table.name), column))
        (sequence,) = cursor.fetchone()
        cursor.execute(
            "SELECT seqmin, format_type(seqtypid, NULL) FROM pg_sequence WHERE seqrelid = %s::regclass", (sequence,)
        )
        least, kind = cursor.fetchone()
        first, last = number * NUMBERS, (number + 1) * NUMBERS - 1
        if least == first:
            return
        if kind != "bigint":
            raise Conflict(
                f"{table.name}.{column} is {kind}: two databases would give out the same ids; make it bigint"
            )
        column, name = self._quote(column), self._quote(table.name)
        cursor.execute(f"SELECT coalesce(max({column}), 0) FROM {name} WHERE {column} BETWEEN %s AND %s", (first, last))
        start = max(first, cursor.fetchone()[0] + 1)
        cursor.execute(
            f"ALTER SEQUENCE {sequence} MINVALUE {first} MAXVALUE {last} START WITH {first} RESTART WITH {start}"
        )

    def is_superuser(self) -> bool:
        """Say whether the user may do anything on the server, which nobody should be handed."""
        with self._transaction() as cursor:
            if self.flavor is Flavor.POSTGRES:
                cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
                return bool(cursor.fetchone()[0])
            cursor.execute("SHOW GRANTS")
            return any("ON *.*" in grant and ("ALL " in grant or "SUPER" in grant) for (grant,) in cursor.fetchall())

    def admit(self, customer: str, epoch: int) -> None:
        """Let a customer in; nothing happens where it has been since this epoch or a later one."""
        with self._transaction() as cursor:
            self._lock(cursor, customer)
            cursor.execute("SELECT epoch FROM sharding_customer WHERE customer = %s", (customer,))
            row = cursor.fetchone()
            if row is None or int(row[0]) < epoch:
                self._put(cursor, Claim(customer, epoch, 0), OPEN)

    # What a mover asks

    def held(self, customer: str) -> Held | None:
        """Return in what state a customer is here."""
        with self._transaction() as cursor:
            return self._held(cursor, customer)

    def copied(self, customer: str) -> Mapping[str, Copied]:
        """Return how far copying has come, by table."""
        with self._transaction() as cursor:
            cursor.execute("SELECT relation, last_key, done FROM sharding_copied WHERE customer = %s", (customer,))
            return {name: Copied(_key(last), bool(int(done))) for name, last, done in cursor.fetchall()}

    def summary(self, customer: str) -> Mapping[str, object]:
        """Return number and digest of the customer's rows, by table."""
        found = {}
        with self._transaction() as cursor:
            for table in self._read_tables(cursor):
                columns = self._texts(table)
                if self.flavor is Flavor.POSTGRES:
                    digest = f"sum(hashtextextended(ROW({columns})::text, 0)::numeric)"
                else:
                    each = ", ".join(f"COALESCE(HEX({column}), '-')" for column in self._text_list(table))
                    digest = f"SUM(CONV(SUBSTR(MD5(CONCAT_WS(',', {each})), 1, 15), 16, 10))"
                cursor.execute(
                    f"SELECT count(*), {digest} FROM {self._quote(table.name)} WHERE {self._quote(self._field)} = %s",
                    (customer,),
                )
                found[table.name] = tuple(map(str, cursor.fetchone()))
        return found

    # What a mover does at the source

    def read(self, customer: str, copied: Mapping[str, Copied], limit: int) -> Batch:
        """Read what has changed in the tables copied so far, and the next rows of the one that is being copied.

        All in one snapshot, so that no row is read without the one it refers to.
        """
        with self._transaction(snapshot=True) as cursor:
            tables = self._read_tables(cursor)
            current = next((table for table in tables if not copied.get(table.name, Copied()).done), None)
            begun = tables if current is None else tables[: tables.index(current) + 1]
            noted: dict[str, dict[Key, None]] = {}
            cursor.execute("SELECT id, relation, row_key FROM sharding_change WHERE customer = %s", (customer,))
            ids = []
            for number, relation, key in cursor.fetchall():
                if any(table.name == relation for table in begun):
                    ids.append(int(number))
                    noted.setdefault(relation, {})[tuple(json.loads(key))] = None
            rows: dict[str, Sequence[Row]] = {}
            for table in begun:
                rows[table.name] = self._rows_of(cursor, table, customer, list(noted.get(table.name, ())))
            progress = {}
            if current is not None:
                last = copied.get(current.name, Copied()).last
                more = self._rows_after(cursor, current, customer, last, limit)
                # A row that was changed may be among the next ones, too.
                rows[current.name] = list(dict.fromkeys([*rows[current.name], *more]))
                if more:
                    last = self._keys(current, more[-1:])[0]
                progress[current.name] = Copied(last, len(more) < limit)
            return Batch(
                changes=ids,
                changed={name: list(keys) for name, keys in noted.items()},
                rows={name: each for name, each in rows.items() if each},
                copied=progress,
                columns={table.name: table.columns for table in begun},
                complete=current is None,
            )

    def acknowledge(self, claim: Claim, changes: Sequence[int]) -> None:
        """Forget changes that the other side has."""
        with self._claimed(claim) as cursor:
            for some in _chunks(changes):
                cursor.execute(f"DELETE FROM sharding_change WHERE id IN ({_holes(some)})", list(some))

    def stamp(self, claim: Claim) -> None:
        """Take the customer over from earlier movers."""
        with self._claimed(claim):
            pass

    def shift(self, claim: Claim, before: Sequence[str], after: str) -> None:
        """Change the customer's state, once its transactions under way have ended.

        Raises:
            Busy: They have not within two seconds.
            Conflict: The state is another than one of `before`, or `after`.
        """
        with self._claimed(claim) as cursor:
            held = self._held(cursor, claim.customer)
            state = None if held is None else held.state
            if state == after:
                return
            if state not in before:
                raise Conflict(
                    f"customer {claim.customer} is {state or 'unknown'} in {self.name}, not {' or '.join(before)}"
                )
            self._put(cursor, claim, after)

    def purge(self, claim: Claim, limit: int) -> int:
        """Delete some rows of a customer that is gone, children first, and return how many."""
        with self._claimed(claim) as cursor:
            held = self._held(cursor, claim.customer)
            if held is None or held.state != GONE:
                raise Conflict(f"customer {claim.customer} is not gone from {self.name}: its rows stay")
            cursor.execute("DELETE FROM sharding_change WHERE customer = %s", (claim.customer,))
            cursor.execute("DELETE FROM sharding_copied WHERE customer = %s", (claim.customer,))
            for table in reversed(self._read_tables(cursor)):
                keys = self._keys(table, self._rows_after(cursor, table, claim.customer, None, limit))
                if keys:
                    self._delete(cursor, table, claim.customer, keys)
                    return len(keys)
            return 0

    # What a mover does at the target

    def receive(self, claim: Claim) -> None:
        """Make ready for a customer: what an aborted move or an earlier stay has left is deleted.

        Raises:
            Conflict: The customer is here.
        """
        with self._claimed(claim) as cursor:
            held = self._held(cursor, claim.customer)
            if held is not None and held.state == INCOMING and held.epoch == claim.epoch:
                return
            if held is not None and held.state in (OPEN, COPYING, FENCED):
                raise Conflict(f"customer {claim.customer} is in {self.name} already, {held.state}")
            self._clear(cursor, claim.customer)
            self._put(cursor, claim, INCOMING)

    def apply(self, claim: Claim, batch: Batch) -> None:
        """Take over what was read at the source: changed rows as they are now, or their absence; then the next rows.

        Raises:
            Conflict: The rows do not fit: a key is another customer's here, a table or a row referred to is missing.
        """
        with self._claimed(claim) as cursor:
            held = self._held(cursor, claim.customer)
            if held is None or held.state != INCOMING or held.epoch != claim.epoch:
                raise Superseded(f"customer {claim.customer} does not come to {self.name} any more")
            tables = [table for table in self._read_tables(cursor) if table.name in batch.columns]
            for name, columns in batch.columns.items():
                if not any(table.name == name and set(columns) <= set(table.columns) for table in tables):
                    raise Conflict(f"table {name} in {self.name} lacks columns of the source's: migrate it first")
            for table in reversed(tables):
                kept = set(self._keys(table, batch.rows.get(table.name, ()), batch.columns[table.name]))
                # A row that nothing refers to is deleted and made anew, so that unique values can change places.
                keys = [key for key in batch.changed.get(table.name, ()) if not table.referenced or key not in kept]
                self._delete(cursor, table, claim.customer, keys)
            for table in tables:
                self._upsert(cursor, table, claim.customer, batch.columns[table.name], batch.rows.get(table.name, ()))
            for name, copied in batch.copied.items():
                cursor.execute(
                    "DELETE FROM sharding_copied WHERE customer = %s AND relation = %s", (claim.customer, name)
                )
                cursor.execute(
                    "INSERT INTO sharding_copied (customer, relation, last_key, done) VALUES (%s, %s, %s, %s)",
                    (claim.customer, name, None if copied.last is None else json.dumps(copied.last), copied.done),
                )

    def discard(self, claim: Claim) -> None:
        """Give up receiving a customer."""
        with self._claimed(claim) as cursor:
            held = self._held(cursor, claim.customer)
            if held is not None and held.state not in (INCOMING, GONE):
                raise Conflict(f"customer {claim.customer} is {held.state} in {self.name}: it has moved already")
            self._clear(cursor, claim.customer)
            self._put(cursor, claim, GONE)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # Rows

    def _rows_of(self, cursor: Any, table: Table, customer: str, keys: Sequence[Key]) -> list[Row]:
        rows: list[Row] = []
        for some in _chunks(keys):
            self._select(cursor, table, customer, f"AND {self._among(table, some)}", _flat(some))
            rows += map(tuple, cursor.fetchall())
        return rows

    def _rows_after(self, cursor: Any, table: Table, customer: str, last: Key | None, limit: int) -> list[Row]:
        key = ", ".join(map(self._quote, table.key))
        after = "" if last is None else f"AND ({key}) > ({_holes(last)})"
        self._select(cursor, table, customer, f"{after} ORDER BY {key} LIMIT {limit:d}", list(last or ()))
        return list(map(tuple, cursor.fetchall()))

    def _select(self, cursor: Any, table: Table, customer: str, rest: str, values: Sequence[Any]) -> None:
        statement = (
            f"SELECT {self._texts(table)} FROM {self._quote(table.name)} WHERE {self._quote(self._field)} = %s {rest}"
        )
        cursor.execute(statement, [customer, *values])

    def _delete(self, cursor: Any, table: Table, customer: str, keys: Sequence[Key]) -> None:
        for some in _chunks(keys):
            statement = f"DELETE FROM {self._quote(table.name)} WHERE {self._quote(self._field)} = %s"
            cursor.execute(f"{statement} AND {self._among(table, some)}", [customer, *_flat(some)])

    def _upsert(self, cursor: Any, table: Table, customer: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        quote, name = self._quote, self._quote(table.name)
        others = [quote(column) for column in columns if column not in table.key]
        key = ", ".join(map(quote, table.key))
        into = f"INSERT INTO {name} ({', '.join(map(quote, columns))})"
        if self.flavor is Flavor.POSTGRES:
            news = ", ".join(f"{column} = EXCLUDED.{column}" for column in others)
            theirs = f"WHERE {name}.{quote(self._field)} = EXCLUDED.{quote(self._field)}"
            after = f"ON CONFLICT ({key}) DO {f'UPDATE SET {news} {theirs}' if others else 'NOTHING'}"
            into += " OVERRIDING SYSTEM VALUE"
        else:
            news = ", ".join(f"{column} = VALUES({column})" for column in others or map(quote, table.key))
            after = f"ON DUPLICATE KEY UPDATE {news}"
        for some in _chunks(rows, AT_ONCE // max(1, len(columns) // 8)):
            keys = self._keys(table, some, columns)
            for part in _chunks(keys):
                cursor.execute(
                    f"SELECT {key} FROM {name} WHERE {quote(self._field)} <> %s AND {self._among(table, part)} LIMIT 1",
                    [customer, *_flat(part)],
                )
                if found := cursor.fetchone():
                    raise Conflict(
                        f"key {', '.join(map(str, found))} of table {table.name} is another customer's in {self.name}: "
                        f"keys must differ between databases; make {self._field} a part of the key, or prepare "
                        "databases before their first row"
                    )
            values = ", ".join(f"({_holes(columns)})" for _ in some)
            cursor.execute(f"{into} VALUES {values} {after}", _flat(some))

    def _clear(self, cursor: Any, customer: str) -> None:
        for table in reversed(self._read_tables(cursor)):
            statement = f"DELETE FROM {self._quote(table.name)} WHERE {self._quote(self._field)} = %s"
            cursor.execute(statement, (customer,))
        for own in ("sharding_change", "sharding_copied"):
            cursor.execute(f"DELETE FROM {own} WHERE customer = %s", (customer,))

    def _keys(self, table: Table, rows: Iterable[Row], columns: Sequence[str] | None = None) -> list[Key]:
        places = [list(columns or table.columns).index(column) for column in table.key]
        return [tuple(str(row[place]) for place in places) for row in rows]

    def _among(self, table: Table, keys: Sequence[Key]) -> str:
        return f"({', '.join(map(self._quote, table.key))}) IN ({', '.join(f'({_holes(key)})' for key in keys)})"

    def _texts(self, table: Table) -> str:
        return ", ".join(self._text_list(table))

    def _text_list(self, table: Table) -> list[str]:
        if self.flavor is Flavor.POSTGRES:
            return [f"{self._quote(column)}::text" for column in table.columns]
        names = {column: self._quote(column) for column in table.columns}
        return [f"CAST({name} AS DOUBLE)" if column in table.inexact else name for column, name in names.items()]

    def _read_tables(self, cursor: Any) -> Sequence[Table]:
        if self._tables is None:
            self._tables = read_tables(cursor, self.flavor, self._field)
        return self._tables

    def _quote(self, name: str) -> str:
        return quoted(self.flavor, name)

    # States

    def _held(self, cursor: Any, customer: str) -> Held | None:
        cursor.execute("SELECT state, epoch, attempt FROM sharding_customer WHERE customer = %s", (customer,))
        row = cursor.fetchone()
        return None if row is None else Held(str(row[0]), int(row[1]), int(row[2]))

    def _put(self, cursor: Any, claim: Claim, state: str) -> None:
        cursor.execute("SELECT 1 FROM sharding_customer WHERE customer = %s", (claim.customer,))
        if cursor.fetchone() is None:
            cursor.execute(
                "INSERT INTO sharding_customer (customer, state, epoch, attempt) VALUES (%s, %s, %s, %s)",
                (claim.customer, state, claim.epoch, claim.attempt),
            )
        else:
            cursor.execute(
                "UPDATE sharding_customer SET state = %s, epoch = %s, attempt = %s WHERE customer = %s",
                (state, claim.epoch, claim.attempt, claim.customer),
            )

    def _lock(self, cursor: Any, customer: str) -> None:
        try:
            if self.flavor is Flavor.POSTGRES:
                cursor.execute(EXCLUSIVE, (customer,))
            else:
                cursor.execute("SELECT state FROM sharding_customer WHERE customer = %s FOR UPDATE", (customer,))
                cursor.fetchall()
        except (psycopg.errors.LockNotAvailable, pymysql.err.OperationalError) as error:
            if (
                isinstance(error, pymysql.err.OperationalError)
                and error.args[0] != pymysql.constants.ER.LOCK_WAIT_TIMEOUT
            ):
                raise
            raise Busy(
                f"a transaction of customer {customer} in {self.name} lasts longer than {LOCK_WAIT} s"
            ) from error

    @contextmanager
    def _claimed(self, claim: Claim) -> Generator[Any]:
        """A transaction of the mover that holds the claim, alone with the customer."""
        with self._transaction() as cursor:
            self._lock(cursor, claim.customer)
            held = self._held(cursor, claim.customer)
            if held is not None and held.attempt > claim.attempt:
                raise Superseded(f"another mover has taken over customer {claim.customer}")
            if held is not None and held.attempt < claim.attempt:
                cursor.execute(
                    "UPDATE sharding_customer SET attempt = %s WHERE customer = %s", (claim.attempt, claim.customer)
                )
            yield cursor

    # The connection

    @contextmanager
    def _transaction(self, *, snapshot: bool = False) -> Generator[Any]:
        begin = "BEGIN"
        if snapshot:
            postgres = self.flavor is Flavor.POSTGRES
            begin = (
                "BEGIN ISOLATION LEVEL REPEATABLE READ" if postgres else "START TRANSACTION WITH CONSISTENT SNAPSHOT"
            )
        try:
            if self._connection is None:
                self._connection = self._connect()
            with self._connection.cursor() as cursor:
                cursor.execute(begin)
                try:
                    yield cursor
                    cursor.execute("COMMIT")
                except BaseException:
                    self._undo()
                    raise
        except (psycopg.IntegrityError, pymysql.err.IntegrityError, psycopg.DataError, pymysql.err.DataError) as error:
            raise Conflict(f"{self.name} refuses what is to be written: {error}") from error
        except (psycopg.ProgrammingError, pymysql.err.ProgrammingError) as error:
            raise Conflict(f"{self.name} is not prepared, or its tables are others: {error}") from error
        except (psycopg.OperationalError, pymysql.err.OperationalError, pymysql.err.InterfaceError, OSError) as error:
            self.close()
            raise DatabaseUnavailable(f"{self.name} ({self._credentials}) does not answer: {error}") from error

    def _undo(self) -> None:
        try:
            self._connection.cursor().execute("ROLLBACK")
        except (psycopg.Error, pymysql.err.Error, OSError):
            self.close()

    def _connect(self) -> Any:
        it = self._credentials
        if it.flavor is Flavor.POSTGRES:
            # A text means the same on both sides only where both write it the same way.
            settings = f"lock_timeout={LOCK_WAIT}s sharding.mover=on datestyle=ISO intervalstyle=postgres timezone=UTC"
            options = " ".join(f"-c {setting}" for setting in settings.split())
            return psycopg.connect(
                host=it.host, port=it.port, user=it.user, password=it.password, dbname=it.database,
                connect_timeout=self._timeout, options=options, autocommit=True,
                application_name="customer-sharding mover",
            )  # fmt: skip
        connection: Any = pymysql.connect(
            host=it.host, port=it.port, user=it.user, password=it.password, database=it.database,
            connect_timeout=self._timeout, read_timeout=60, write_timeout=60, autocommit=True, charset="utf8mb4",
            conv=dict[Any, Any](encoders),  # values stay texts
            init_command=f"SET @sharding_mover = 1, time_zone = '+00:00', innodb_lock_wait_timeout = {LOCK_WAIT}, "
            "sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO'",
        )  # fmt: skip
        return connection


def check(credentials: Credentials, identifier_field: str, *, allow_superuser: bool) -> None:
    """Enter with the credentials that are to be handed out.

    Raises:
        DatabaseUnavailable: They do not let in.
        BadInput: They are a superuser's.
    """
    side = Side(credentials.database, credentials, identifier_field)
    try:
        if side.is_superuser() and not allow_superuser:
            raise BadInput(
                f"{credentials.user} is a superuser, whose password no application should have: name a user who may "
                "read and write rows, and give the owner's credentials as admin"
            )
    finally:
        side.close()


def _key(text: str | None) -> Key | None:
    return None if text is None else tuple(json.loads(text))


def _holes(values: Sequence[Any]) -> str:
    return ", ".join(["%s"] * len(values))


def _flat(rows: Iterable[Sequence[Any]]) -> list[Any]:
    return [value for row in rows for value in row]


def _chunks(values: Sequence[Any], size: int = AT_ONCE) -> Iterable[Sequence[Any]]:
    return (values[start : start + size] for start in range(0, len(values), size))
