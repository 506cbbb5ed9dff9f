"""One side of a move: what the mover does in a database, each call one transaction."""

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
from .rows import Rows, chunks, placeholders
from .spelling import check_spelling


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
        self._user = credentials.user
        self._field = identifier_field
        self._link = Link(name, credentials, timeout)
        self._rows = Rows(name, self.flavor, identifier_field)

    # What operators do

    def prepare(self, number: int, user: str) -> Sequence[str]:
        """Put the guard on every customers' table, and let its generated ids begin where no other database's do.

        The latter on PostgreSQL. On MySQL ids are distinguished by the server's `auto_increment_increment` and
        `_offset`, or by keys that begin with the customer.

        Args:
            number: The database's, from 1.
            user: Whom the credentials name that applications get; may see who is there.

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
        return [table.name for table in tables]

    def admit(self, customer: str, epoch: int) -> None:
        """Let a customer in; nothing happens where it has been since this epoch or a later one."""
        with self._link.transaction() as cursor:
            states.lock(cursor, self.flavor, self.name, customer)
            cursor.execute("SELECT epoch FROM sharding_customer WHERE customer = %s", (customer,))
            row = cursor.fetchone()
            if row is None or int(row[0]) < epoch:
                states.put(cursor, self.flavor, Claim(customer, epoch, 0), OPEN)

    # What a mover asks

    def customer_state(self, customer: str) -> CustomerState | None:
        """Return in what state a customer is here."""
        with self._link.transaction() as cursor:
            return states.customer_state(cursor, self.flavor, customer)

    def copied(self, customer: str) -> Mapping[str, Copied]:
        """Return how far copying has come, by table."""
        with self._link.transaction() as cursor:
            cursor.execute("SELECT relation, last_key, done FROM sharding_copied WHERE customer = %s", (customer,))
            return {name: Copied(_key(last), bool(int(done))) for name, last, done in cursor.fetchall()}

    def inspect(self) -> Inspection:
        """Read what may stand in a move's way: see `preflight`.

        Raises:
            Conflict: A table cannot be moved row by row.
        """
        with self._link.transaction() as cursor:
            return inspect(cursor, self.flavor, self._rows.tables(cursor, anew=True), self._field)

    def spelling(self, customer: str) -> None:
        """Check that every table's column spells an identifier as it is spelled here.

        Raises:
            Conflict: A column spells it otherwise: its customer could write nothing.
        """
        with self._link.transaction() as cursor:
            check_spelling(cursor, self.flavor, self._rows.tables(cursor, anew=True), self._field, customer)

    def summary(self, customer: str) -> Mapping[str, object]:
        """Return number and digest of the customer's rows, by table, in one snapshot."""
        with self._link.transaction(snapshot=True) as cursor:
            tables = self._rows.tables(cursor, anew=True)
            return {table.name: self._rows.summary(cursor, table, customer) for table in tables}

    # What a mover does at the source

    def read(self, customer: str, copied: Mapping[str, Copied], limit: int) -> Batch:
        """Read what has changed in the tables copied so far, and the next rows of the one that is being copied.

        All in one snapshot, so that no row is read without the one it refers to.
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
                # A row that was changed may be among the next ones, too.
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
        """Forget changes that the other side has."""
        with self._claimed(claim) as cursor:
            for some in chunks(changes):
                cursor.execute(f"DELETE FROM sharding_change WHERE id IN ({placeholders(some)})", list(some))

    def take_over(self, claim: Claim) -> None:
        """Take the customer over from earlier movers."""
        with self._claimed(claim):
            pass

    def change_state(self, claim: Claim, before: Sequence[str], after: str, limit: float | None = None) -> None:
        """Change the customer's state, once its transactions under way have ended.

        Args:
            claim: The mover's.
            before: The states in which it may be.
            after: The state in which it is then.
            limit: Seconds after which a fence, or the right to read at the target, runs out by itself.

        Raises:
            Busy: They have not within two seconds.
            Conflict: The state is another than one of `before`, or `after`.
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
        """Delete some rows of a customer that is gone, children first, and return how many.

        Args:
            claim: The mover's.
            limit: The most rows.
            tables: Those that were compared before the switch; rows of others are not deleted.

        Raises:
            Conflict: It is not gone; or a table was not compared and has rows; or a row cannot be deleted.
        """
        with self._claimed(claim) as cursor:
            held = states.customer_state(cursor, self.flavor, claim.customer)
            if held is None or held.state != GONE:
                raise Conflict(f"customer {claim.customer} is not gone from {self.name}: its rows stay")
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
                        raise Conflict(
                            f"rows of table {table.name} in {self.name} are not deleted: a trigger keeps them"
                        )
                    return len(keys)
            return 0

    # What a mover does at the target

    def receive(self, claim: Claim) -> None:
        """Make ready for a customer: what an aborted move or an earlier stay has left is deleted.

        Raises:
            Conflict: The customer is here.
        """
        with self._claimed(claim) as cursor:
            held = states.customer_state(cursor, self.flavor, claim.customer)
            if held is not None and held.state == INCOMING and held.epoch == claim.epoch:
                return
            if held is not None and held.state in (OPEN, COPYING, FENCED):
                raise Conflict(f"customer {claim.customer} is in {self.name} already, {held.state}")
            self._rows.clear(cursor, claim.customer)
            states.put(cursor, self.flavor, claim, INCOMING)

    def apply(self, claim: Claim, batch: Batch) -> None:
        """Take over what was read at the source: changed rows as they are now, or their absence; then the next rows.

        Raises:
            Conflict: The rows do not fit: a key is another customer's here, a table or a row referred to is missing.
            Superseded: The customer does not come here any more.
        """
        with self._claimed(claim) as cursor:
            held = states.customer_state(cursor, self.flavor, claim.customer)
            if held is None or held.state != INCOMING or held.epoch != claim.epoch:
                raise Superseded(f"customer {claim.customer} does not come to {self.name} any more")
            tables = [table for table in self._rows.tables(cursor) if table.name in batch.columns]
            for name, columns in batch.columns.items():
                if not any(table.name == name and set(columns) <= set(table.columns) for table in tables):
                    raise Conflict(f"table {name} in {self.name} lacks columns of the source's: migrate it first")
            for table in reversed(tables):
                kept = set(self._rows.keys(table, batch.rows.get(table.name, ()), batch.columns[table.name]))
                # A row that nothing refers to is deleted and made anew, so that unique values can change places.
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
        """Give up receiving a customer.

        Raises:
            Conflict: It has moved here already.
        """
        with self._claimed(claim) as cursor:
            held = states.customer_state(cursor, self.flavor, claim.customer)
            if held is not None and held.state not in (INCOMING, GONE):
                raise Conflict(f"customer {claim.customer} is {held.state} in {self.name}: it has moved already")
            self._rows.clear(cursor, claim.customer)
            states.put(cursor, self.flavor, claim, GONE)

    def close(self) -> None:
        """Close the connection."""
        self._link.close()

    @contextmanager
    def _claimed(self, claim: Claim) -> Generator[Any]:
        """A transaction of the mover that holds the claim, alone with the customer."""
        with self._link.transaction() as cursor:
            states.lock(cursor, self.flavor, self.name, claim.customer)
            states.take_over(cursor, self.flavor, claim)
            yield cursor


def _key(text: str | None) -> Key | None:
    return None if text is None else tuple(json.loads(text))
