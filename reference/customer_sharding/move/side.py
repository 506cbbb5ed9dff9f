"""The source or target of a move: the operations of operators and of the mover in one database.

Each method is one transaction. Open it to see what a step of the protocol (see `moving`) does in a database.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from reference.customer_sharding.credentials import Credentials, Flavor
from reference.customer_sharding.errors import Conflict, Superseded
from reference.customer_sharding.guard import COPYING, FENCED, GONE, INCOMING, OPEN

from . import states
from .connection import Link
from .preflight import inspect
from .preparing import grant_lookup, guard_tables, make_own_tables, separate_id_ranges
from .protocol import Batch, Claim, Copied, CustomerState, Inspection, Key, Row
from .row_security import restrict_tables
from .rows import Rows, chunks, placeholders
from .spelling import check_spelling


class Side:
    """A database that customers move to or from, with one connection for one thread.

    Args:
        name: The name under which the database is registered.
        credentials: Login of the user who owns the customers' tables.
        identifier_field: The column that names the customer.
        timeout: Seconds to connect (a whole number, at least 2).
    """

    def __init__(self, name: str, credentials: Credentials, identifier_field: str, timeout: int = 3) -> None:
        self.name = name
        self.flavor = credentials.flavor
        self._user = credentials.user
        self._field = identifier_field
        self._link = Link(name, credentials, timeout)
        self._rows = Rows(name, self.flavor, identifier_field)

    # Operations of an operator

    def prepare(self, number: int, user: str, *, row_security: bool = False) -> Sequence[str]:
        """Create the guard on every customers' table, and on PostgreSQL give the database an id range of its own.

        On MySQL, set the servers' `auto_increment_increment` and `auto_increment_offset` so that their ids differ, or
        let keys begin with the customer's identifier.

        Args:
            number: Number of the database, from 1.
            user: The applications' user, who is granted SELECT on `sharding_customer`.
            row_security: Whether to restrict the user's sessions to their customer's rows (PostgreSQL only).

        Returns:
            Names of the tables.

        Raises:
            Conflict: A table cannot be guarded; the message says which and why.
        """
        with self._link.transaction() as cursor:
            if self.flavor is Flavor.POSTGRES:
                cursor.execute("SET LOCAL row_security = on")  # a policy is refused by the preflight, with its remedy
            make_own_tables(cursor, self.flavor)
            tables = self._rows.tables(cursor, anew=True)
            guard_tables(cursor, self.flavor, tables, self._field)
            if self.flavor is Flavor.POSTGRES:
                if user != self._user:
                    grant_lookup(cursor, user)
                separate_id_ranges(cursor, tables, number)
                if row_security:
                    restrict_tables(cursor, tables, self._field)
        return [table.name for table in tables]

    def admit(self, customer: str, epoch: int) -> None:
        """Record a customer as placed here, unless the database has a record of this epoch or a later one."""
        with self._link.transaction() as cursor:
            states.lock(cursor, self.flavor, self.name, customer)
            cursor.execute("SELECT epoch FROM sharding_customer WHERE customer = %s", (customer,))
            row = cursor.fetchone()
            if row is None or int(row[0]) < epoch:
                states.put(cursor, self.flavor, Claim(customer, epoch, 0), OPEN)

    # Queries

    def customer_state(self, customer: str) -> CustomerState | None:
        """Return the state of a customer in this database."""
        with self._link.transaction() as cursor:
            return states.customer_state(cursor, self.flavor, customer)

    def copied(self, customer: str) -> Mapping[str, Copied]:
        """Return the progress of copying, by table."""
        with self._link.transaction() as cursor:
            cursor.execute("SELECT relation, last_key, done FROM sharding_copied WHERE customer = %s", (customer,))
            return {name: Copied(_key(last), bool(int(done))) for name, last, done in cursor.fetchall()}

    def inspect(self) -> Inspection:
        """Read the catalog for the preflight: see `preflight`.

        Raises:
            Conflict: A table cannot be moved row by row.
        """
        with self._link.transaction() as cursor:
            return inspect(cursor, self.flavor, self._rows.tables(cursor, anew=True), self._field)

    def spelling(self, customer: str) -> None:
        """Check that every table's identifier column stores this identifier unchanged.

        Raises:
            Conflict: A column stores it differently, so that the guard would refuse every write of the customer.
        """
        with self._link.transaction() as cursor:
            check_spelling(cursor, self.flavor, self._rows.tables(cursor, anew=True), self._field, customer)

    def summary(self, customer: str) -> Mapping[str, object]:
        """Return the number and the digest of the customer's rows, by table, in one snapshot."""
        with self._link.transaction(snapshot=True) as cursor:
            tables = self._rows.tables(cursor, anew=True)
            return {table.name: self._rows.summary(cursor, table, customer) for table in tables}

    # Steps of a mover at the source

    def read(self, customer: str, copied: Mapping[str, Copied], limit: int) -> Batch:
        """Read changed rows of the tables copied so far, and the next rows of the table being copied.

        All are read in one snapshot, so that the rows to which a row refers are in the batch, or in earlier ones.
        """
        with self._link.transaction(snapshot=True) as cursor:
            tables = self._rows.tables(cursor)
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
                rows[table.name] = self._rows.of(cursor, table, customer, list(noted.get(table.name, ())))
            progress = {}
            if current is not None:
                last = copied.get(current.name, Copied()).last
                more = self._rows.after(cursor, current, customer, last, limit)
                # A changed row may also be one of the next rows.
                rows[current.name] = list(dict.fromkeys([*rows[current.name], *more]))
                if more:
                    last = self._rows.keys(current, more[-1:])[0]
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
        """Delete recorded changes that the target has applied."""
        with self._claimed(claim) as cursor:
            for some in chunks(changes):
                cursor.execute(f"DELETE FROM sharding_change WHERE id IN ({placeholders(some)})", list(some))

    def take_over(self, claim: Claim) -> None:
        """Take the customer over from earlier movers."""
        with self._claimed(claim):
            pass

    def change_state(self, claim: Claim, before: Sequence[str], after: str, limit: float | None = None) -> None:
        """Wait until the customer's open transactions have ended, and change the customer's state.

        Args:
            claim: The mover's claim.
            before: The states from which the state may change.
            after: The new state.
            limit: Seconds after which a fence, or the right to read at the target, expires.

        Raises:
            Busy: A transaction of the customer did not end within two seconds.
            Conflict: The present state is neither `after` nor one of `before`.
        """
        with self._claimed(claim) as cursor:
            held = states.customer_state(cursor, self.flavor, claim.customer)
            state = None if held is None else held.state
            if state == after and limit is None:
                return
            if state not in before:
                raise Conflict(
                    f"customer {claim.customer} is {state or 'unknown'} in {self.name}, not {' or '.join(before)}"
                )
            states.put(cursor, self.flavor, claim, after, limit)

    def purge(self, claim: Claim, limit: int, tables: Sequence[str]) -> int:
        """Delete up to `limit` rows of a customer that has moved away, children first, and return their number.

        Args:
            claim: The mover's claim.
            limit: Maximum number of rows.
            tables: The tables that were compared before the switch; rows of other tables are not deleted.

        Raises:
            Conflict: The customer is not `gone`, a table that was not compared has rows, or a row cannot be deleted.
        """
        with self._claimed(claim, refusing=True) as cursor:
            held = states.customer_state(cursor, self.flavor, claim.customer)
            if held is None or held.state != GONE:
                raise Conflict(f"customer {claim.customer} has not moved away from {self.name}: its rows stay")
            cursor.execute("DELETE FROM sharding_change WHERE customer = %s", (claim.customer,))
            cursor.execute("DELETE FROM sharding_copied WHERE customer = %s", (claim.customer,))
            for table in reversed(self._rows.tables(cursor, anew=True)):
                keys = self._rows.keys(table, self._rows.after(cursor, table, claim.customer, None, limit))
                if keys and table.name not in tables:
                    raise Conflict(
                        f"table {table.name} in {self.name} has rows of customer {claim.customer} that were not "
                        "compared: it was made during the move; carry them over by hand, delete them, and resume"
                    )
                if keys:
                    if not self._rows.delete(cursor, table, claim.customer, keys):
                        raise Conflict(f"a trigger of table {table.name} in {self.name} keeps rows from being deleted")
                    return len(keys)
            return 0

    # Steps of a mover at the target

    def receive(self, claim: Claim) -> None:
        """Prepare to receive a customer: delete rows of an aborted move or of an earlier placement.

        Raises:
            Conflict: The customer is placed here already.
        """
        with self._claimed(claim, refusing=True) as cursor:
            held = states.customer_state(cursor, self.flavor, claim.customer)
            if held is not None and held.state == INCOMING and held.epoch == claim.epoch:
                return
            if held is not None and held.state in (OPEN, COPYING, FENCED):
                raise Conflict(f"customer {claim.customer} is in {self.name} already, {held.state}")
            self._rows.clear(cursor, claim.customer)
            states.put(cursor, self.flavor, claim, INCOMING)

    def apply(self, claim: Claim, batch: Batch) -> None:
        """Write a batch that was read at the source: update or delete changed rows, then insert the next ones.

        Raises:
            Conflict: A key belongs to another customer here, or a table or a row referred to is missing.
            Superseded: The customer is no longer moving here.
        """
        with self._claimed(claim, refusing=True) as cursor:
            held = states.customer_state(cursor, self.flavor, claim.customer)
            if held is None or held.state != INCOMING or held.epoch != claim.epoch:
                raise Superseded(f"customer {claim.customer} is no longer moving to {self.name}")
            tables = [table for table in self._rows.tables(cursor) if table.name in batch.columns]
            for name, columns in batch.columns.items():
                if not any(table.name == name and set(columns) <= set(table.columns) for table in tables):
                    raise Conflict(f"table {name} in {self.name} lacks columns of the source's table: migrate it first")
            for table in reversed(tables):
                kept = set(self._rows.keys(table, batch.rows.get(table.name, ()), batch.columns[table.name]))
                # A row that nothing refers to is deleted and inserted again, so that rows can exchange unique values.
                keys = [key for key in batch.changed.get(table.name, ()) if not table.referenced or key not in kept]
                self._rows.delete(cursor, table, claim.customer, keys)
            for table in tables:
                self._rows.upsert(
                    cursor, table, claim.customer, batch.columns[table.name], batch.rows.get(table.name, ())
                )
            for name, copied in batch.copied.items():
                cursor.execute(
                    "DELETE FROM sharding_copied WHERE customer = %s AND relation = %s", (claim.customer, name)
                )
                cursor.execute(
                    "INSERT INTO sharding_copied (customer, relation, last_key, done) VALUES (%s, %s, %s, %s)",
                    (claim.customer, name, None if copied.last is None else json.dumps(copied.last), copied.done),
                )

    def discard(self, claim: Claim) -> None:
        """Delete the rows that were received of a customer.

        Raises:
            Conflict: The customer has moved here already.
        """
        with self._claimed(claim, refusing=True) as cursor:
            held = states.customer_state(cursor, self.flavor, claim.customer)
            if held is not None and held.state not in (INCOMING, GONE):
                raise Conflict(f"customer {claim.customer} is {held.state} in {self.name}: it has moved already")
            self._rows.clear(cursor, claim.customer)
            states.put(cursor, self.flavor, claim, GONE)

    def close(self) -> None:
        """Close the connection."""
        self._link.close()

    @contextmanager
    def _claimed(self, claim: Claim, *, refusing: bool = False) -> Generator[Any]:
        """Yield a cursor in a transaction that holds the customer's lock and has checked the claim.

        Args:
            claim: The mover's claim.
            refusing: Whether this database refuses the customer's writes, so that a shared lock is enough: see
                `states.lock`.
        """
        with self._link.transaction() as cursor:
            states.lock(cursor, self.flavor, self.name, claim.customer, shared=refusing)
            states.take_over(cursor, self.flavor, claim)
            yield cursor


def _key(text: str | None) -> Key | None:
    return None if text is None else tuple(json.loads(text))
