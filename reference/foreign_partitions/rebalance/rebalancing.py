"""The steps of a rebalance in their order, over connections to all servers; the package's docstring describes them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Self, TypeVar

import psycopg
from psycopg import sql

from reference.foreign_partitions.deploy.partitions import partitions_of
from reference.foreign_partitions.deploy.planning import BASE, prepare
from reference.foreign_partitions.description import Description, Partition
from reference.foreign_partitions.errors import Conflict

from .connections import Connections
from .copying import BOUND, Copier
from .moves import Move, moves
from .obstacles import obstacles
from .privileges import grant, grants, of_logins
from .record import Record
from .waiting import TRY_AGAIN, Busy, Patience, limited

UNDER_WAY = "a rebalance is under way"
Result = TypeVar("Result")


class Rebalance:
    """Replaces the partitions of a table by the described ones, while the table is in use.

    Args:
        description: The description of the table after the rebalance; servers that still have partitions must be part
            of it.
        lock_timeout: Seconds for which other transactions may have to wait while a lock is requested.
        hold: Seconds after which the base aborts a switch, even if this process is frozen.
        patience: Seconds for which a step is retried while long transactions prevent it.
        answer_timeout: Seconds after which a server that does not answer counts as unavailable.
        connect_timeout: Seconds to wait for each connection.
        batch: Number of changes that are caught up at once; a switch begins when fewer are left.
    """

    def __init__(
        self,
        description: Description,
        *,
        lock_timeout: float = 1,
        hold: float = 5,
        patience: float = 300,
        answer_timeout: float = 60,
        connect_timeout: int = 5,
        batch: int = 2000,
    ) -> None:
        self.description = description
        self.table = description.table
        self.lock_timeout, self.hold, self.patience, self.batch = lock_timeout, hold, patience, batch
        self._to = Connections(
            description, lock_timeout=lock_timeout, answer_timeout=answer_timeout, connect_timeout=connect_timeout
        )
        self._copier = Copier(description, self._to.watch.progress)
        self._parent = sql.Identifier(self.table.schema, self.table.name)

    def __enter__(self) -> Self:
        """Connect, twice to each server: to read and lock, and to write.

        Raises:
            Unreachable: A server does not answer, or refuses the connection.
        """
        self._to.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._to.__exit__()

    @property
    def _record(self) -> Record:
        return Record(self._to.reader(BASE), self.description)

    def plan(self) -> tuple[list[Move], list[str]]:
        """Return the replacements that remain to be done, and the conflicts that prevent them."""
        found, conflicts, _ = self._plan()
        return found, conflicts

    def run(self) -> Iterator[str]:
        """Carry the rebalance out, or continue it, and yield a sentence after each step.

        Clients wait from the step `locked` to the step `switched`, so the caller must not delay the steps between them.

        Raises:
            Conflict: The rebalance is impossible, another process carries it out, or long transactions held the table
                for longer than `patience`.
            PartitionUnavailable: A server was lost or did not answer. Completed steps stay; `run` continues from there.
        """
        steps = self._run()
        while True:
            with self._to.watched():
                step = next(steps, None)
            if step is None:
                return
            yield step

    def _run(self) -> Iterator[str]:
        with self._to.alone():
            found, conflicts, recorded = self._plan()
            if conflicts:
                raise Conflict("; ".join(conflicts))
            if not recorded and not found and not self._record.exists():
                return
            self._to.deployment.execute(prepare(self.description, *self._to.deployment.states()))
            if not self._record.exists():
                self._record.begin(found)
            self._say_layout(UNDER_WAY)
            yield f"begun: {len(found)} partitions are to be replaced"
            for move in recorded:
                self._settle(move)
            for move in found:
                yield from self._replace(move)
            self._say_layout(self.description.layout)
            self._record.end()
            yield f"done: {self.description.layout.partition(',')[0]}"

    def _replace(self, move: Move) -> Iterator[str]:
        source, at = self._to.reader(move.source.server), str(move)
        for remainder, leaf in move.targets.items():
            writer = self._to.writer(leaf.server)
            with writer.transaction():
                self._copier.create(writer, remainder, leaf)
                self._grant(source, writer, move, leaf)
            source.rollback()
        yield f"{at}: new leaves are created"

        def record() -> None:
            source.execute(limited("lock_timeout", self.lock_timeout))
            self._copier.record_changes(source, move)
            source.commit()

        self._try(f"a trigger on {move.source.name}", record)
        yield f"{at}: changes are recorded"
        number = self._copier.copy(move, source, self._to.writer)
        yield f"{at}: {number} rows are copied"
        patience = Patience(self.patience, f"the switch of {move.source.name}")
        while True:
            self._catch_up(move, source, patience)
            yield f"{at}: changes are caught up"
            try:
                yield from self._switch(move, source)
                break
            except TRY_AGAIN as error:
                self._to.rollback()
                patience.wait(error, self.lock_timeout)
        self._settle(move)
        yield f"{at}: settled"

    def _catch_up(self, move: Move, source: psycopg.Connection[Any], patience: Patience) -> None:
        while True:
            self._to.watch.progress()
            source.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            numbers = self._copier.catch_up(move, source, self._to.writer, self.batch)
            for leaf in move.targets.values():
                self._to.writer(leaf.server).commit()
            self._copier.forget(move, source, numbers)
            source.commit()
            if len(numbers) < self.batch:
                return
            patience.end(Busy("more rows change than are caught up"))

    def _switch(self, move: Move, source: psycopg.Connection[Any]) -> Iterator[str]:
        """Replace the old partition by the new ones; the commit on the base is the moment of the switch."""
        base, name, at = self._to.reader(BASE), self._copier.name(move.source.name), str(move)
        base.execute(limited("transaction_timeout", self.hold))
        base.execute(limited("lock_timeout", self.lock_timeout))
        base.execute(sql.SQL("LOCK TABLE ONLY {} IN ACCESS EXCLUSIVE MODE").format(self._parent))
        if source is not base:
            # Longer than the base's, or rows could be written here after they were caught up and before the switch.
            source.execute(limited("transaction_timeout", 3 * self.hold))
            source.execute(limited("lock_timeout", self.lock_timeout))
        source.execute(sql.SQL("LOCK TABLE ONLY {} IN ACCESS EXCLUSIVE MODE").format(name))
        yield f"{at}: locked"
        if not self._copier.quickly_caught_up(move, source, self.batch):
            raise Busy("more rows change than can be caught up")
        # On the base the new leaf's bound reads the parent, which only the transaction that locks it can.
        writers = {**self._to.writers, BASE: base}
        self._copier.catch_up(move, source, writers.__getitem__, self.batch)
        for leaf in move.targets.values():
            if leaf.server is not None:
                self._to.writer(leaf.server).commit()
                self._outwait_older_snapshots(leaf.server)
        yield f"{at}: the last changes are caught up"
        if source is not base:
            source.execute(sql.SQL("DROP TABLE {}").format(name))
        given = grants(base, name)
        base.execute(sql.SQL("DROP {} {}").format(sql.SQL("TABLE" if source is base else "FOREIGN TABLE"), name))
        for remainder, leaf in move.targets.items():
            if leaf.server is None:
                self._attach(base, remainder, leaf.name)
            else:
                statement = "CREATE FOREIGN TABLE {} PARTITION OF {} {} SERVER {}"
                base.execute(
                    sql.SQL(statement).format(
                        self._copier.name(leaf.name), self._parent, self._bound(remainder), sql.Identifier(leaf.server)
                    )
                )
            grant(base, self._copier.name(leaf.name), given)
        self._record.switched(move)
        yield f"{at}: ready to switch"
        base.commit()
        yield f"{at}: switched"
        source.commit()

    def _outwait_older_snapshots(self, host: str) -> None:
        """Wait until no transaction of the base reads a server as it was before the last changes were committed.

        During a transaction of the base, postgres_fdw reads a server in one snapshot. A transaction that has used
        another table of the server, and has not yet used this one, would find an old state of the new leaf.
        """
        writer = self._to.writer(host)
        own = [writer.info.backend_pid, self._to.reader(host).info.backend_pid]
        users = [
            [server.endpoint.user, *(login.user for login in server.roles.values())]
            for server in self.description.servers
            if server.name == host
        ]
        ((committed,),) = writer.execute("SELECT clock_timestamp()").fetchall()
        writer.commit()
        query = """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
            AND backend_xmin IS NOT NULL AND xact_start <= %s AND usename = ANY(%s) AND pid <> ALL(%s)"""
        until = time.monotonic() + self.lock_timeout
        while True:
            ((older,),) = writer.execute(query, [committed, *users, own]).fetchall()
            writer.commit()
            if not older:
                return
            if time.monotonic() > until:
                raise Busy(f"{older} transactions of the base have used other tables of {host}")
            time.sleep(0.01)

    def _settle(self, move: Move) -> None:
        """Remove the remains of the old leaf, and attach the new leaves on their servers; idempotent.

        Each step is a transaction of its own. A client that writes to a new leaf also locks its parent, to read the
        bound, and may use several leaves in one transaction. If these steps held the parent or a leaf while they wait
        for another leaf, they could deadlock with such a client.
        """
        old, changes = move.source.server, self._copier.changes(move)

        def remove(writer: psycopg.Connection[Any]) -> None:
            name = self._copier.name(move.source.name)
            if old is not None and _is_partition(writer, name) is not None:
                # DROP alone locks the parent first, and would hold it while it waits for readers of the old leaf.
                writer.execute(sql.SQL("LOCK TABLE ONLY {} IN ACCESS EXCLUSIVE MODE").format(name))
                writer.execute(sql.SQL("DROP TABLE {}").format(name))
            for statement in ("DROP TABLE IF EXISTS {}", "DROP FUNCTION IF EXISTS {}()"):
                writer.execute(sql.SQL(statement).format(changes))

        def attach(writer: psycopg.Connection[Any], remainder: int, leaf: Partition) -> None:
            if _is_partition(writer, self._copier.name(leaf.name)) is False:
                self._attach(writer, remainder, leaf.name)

        self._alone_on(old, f"removing {move.source.name}", remove)
        for remainder, leaf in move.targets.items():
            if leaf.server is not None:
                self._alone_on(leaf.server, f"attaching {leaf.name}", partial(attach, remainder=remainder, leaf=leaf))

    def _alone_on(self, server: str | None, what: str, step: Callable[[psycopg.Connection[Any]], None]) -> None:
        """Do a step in a transaction of its own, and retry it while other transactions hold the locks that it needs."""

        def once() -> None:
            writer = self._to.writer(server)
            with writer.transaction():
                writer.execute(limited("lock_timeout", self.lock_timeout))
                step(writer)

        self._try(f"{what} on {server or BASE}", once)

    def _attach(self, connection: psycopg.Connection[Any], remainder: int, leaf: str) -> None:
        name = self._copier.name(leaf)
        for statement in (
            "ALTER TABLE {parent} ATTACH PARTITION {leaf} {bound}",
            "ALTER TABLE {leaf} DROP CONSTRAINT {check}",
        ):
            connection.execute(
                sql.SQL(statement).format(
                    parent=self._parent, leaf=name, bound=self._bound(remainder), check=sql.Identifier(BOUND)
                )
            )

    def _grant(
        self, source: psycopg.Connection[Any], writer: psycopg.Connection[Any], move: Move, leaf: Partition
    ) -> None:
        """Grant the privileges on the old leaf on a new one, and those that the base's logins need."""
        name = self._copier.name(leaf.name)
        grant(writer, name, grants(source, self._copier.name(move.source.name)))
        for server in self.description.servers:
            if server.name == leaf.server:
                base = self._to.reader(BASE)
                grant(writer, name, of_logins(base, self._parent, server))
                base.rollback()

    def _plan(self) -> tuple[list[Move], list[str], list[Move]]:
        """Return the replacements to be done, the conflicts, and the replacements that are done already."""
        base = self._to.reader(BASE)
        recorded, layouts = self._record.read()
        if layouts - {self.description.layout}:
            other = ", ".join(layouts)
            return [], [f"a rebalance to other partitions ({other}) is under way: finish it by its description"], []
        found, conflicts = moves(self.description, partitions_of(base, self.table))
        base.rollback()
        if not conflicts:
            states = self._to.deployment.states()
            conflicts += prepare(self.description, *states).conflicts
            conflicts += obstacles(self._to.deployment, found, states, begun=bool(layouts))
        return found, conflicts, recorded

    def _say_layout(self, layout: str) -> None:
        name = sql.Identifier(self.table.schema, self.table.layout_table)
        for server in self.description.servers:
            writer = self._to.writer(server.name)
            with writer.transaction():
                writer.execute(sql.SQL("CREATE TABLE IF NOT EXISTS {} (layout text)").format(name))
                writer.execute(sql.SQL("DELETE FROM {}").format(name))
                writer.execute(sql.SQL("INSERT INTO {} VALUES (%s)").format(name), [layout])

    def _try(self, what: str, attempt: Callable[[], Result]) -> Result:
        def once() -> Result:
            self._to.watch.progress()
            try:
                return attempt()
            except TRY_AGAIN:
                self._to.rollback()
                raise

        return Patience(self.patience, what).until_free(once, self.lock_timeout)

    def _bound(self, remainder: int) -> sql.Composed:
        return sql.SQL("FOR VALUES WITH (MODULUS {}, REMAINDER {})").format(
            sql.Literal(self.description.modulus), sql.Literal(remainder)
        )


def _is_partition(connection: psycopg.Connection[Any], name: sql.Identifier) -> bool | None:
    """Return whether a table is a partition; None if there is no such table."""
    query = "SELECT relispartition FROM pg_class WHERE oid = to_regclass(%s)"
    found = connection.execute(query, [name.as_string()]).fetchone()
    return None if found is None else found[0]
