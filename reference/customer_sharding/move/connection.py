"""The mover's connection to the source or target: transactions, and driver errors translated to this library's.

Values are read and written as the server's own text, so that no driver's conversion of numbers or times can change
them on the way.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import psycopg
import pymysql
from pymysql.converters import encoders

from reference.customer_sharding.credentials import Credentials, Flavor
from reference.customer_sharding.errors import Conflict, DatabaseUnavailable
from reference.customer_sharding.postgres import TimedConnection

LOCK_WAIT = 2  # seconds that a change of state waits for the customer's transactions
# Seconds after which PostgreSQL and MariaDB end the transaction of an idle mover, which may hold the customer's lock.
# MySQL ends it only with the connection.
ABANDONED = 5
ALL_ROWS = 2**64 - 1  # MySQL's value for a select without limit
ANSWER_TIMEOUT = 60  # seconds that a statement may take, including the comparison of all of a customer's rows
NO_ANSWER = ("08", "40", "53", "57", "58")  # SQLSTATE classes of transient errors, worth a retry
REFUSED_BY_MYSQL = range(1050, 2000)  # permanent errors, except the transient ones
# Shutdown, lost or killed connections, too many of a user's, lock waits, deadlocks, interrupted statements.
LATER_BY_MYSQL = (1053, 1152, 1158, 1159, 1160, 1161, 1184, 1203, 1205, 1213, 1317, 1927, 1969)


class Link:
    """One connection for one thread, opened when it is first used, and reopened after it was lost.

    Args:
        name: The name under which the database is registered.
        credentials: Address and login of the database.
        timeout: Seconds to connect (a whole number, at least 2).

    Attributes:
        flavor: The database system.
    """

    def __init__(self, name: str, credentials: Credentials, timeout: int = 3) -> None:
        self.name = name
        self.flavor = credentials.flavor
        self._credentials = credentials
        self._timeout = timeout
        self._connection: Any = None

    @contextmanager
    def transaction(self, *, snapshot: bool = False) -> Generator[Any]:
        """Yield a cursor in a transaction, which is committed at the end of the block, or rolled back if it fails.

        Args:
            snapshot: Whether all statements of the transaction read the rows as they were at one moment.

        Raises:
            Conflict: The database refuses a statement.
            DatabaseUnavailable: The database does not answer.
        """
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
                # At a lower isolation level, MySQL begins without a snapshot and gives no error.
                if snapshot and self.flavor is Flavor.MYSQL:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                cursor.execute(begin)
                try:
                    yield cursor
                    cursor.execute("COMMIT")
                except BaseException:
                    self._undo()
                    raise
        except (psycopg.IntegrityError, pymysql.err.IntegrityError, psycopg.DataError, pymysql.err.DataError) as error:
            raise Conflict(f"{self.name} rejects a row: {error}") from error
        except (psycopg.ProgrammingError, pymysql.err.ProgrammingError) as error:
            raise Conflict(f"{self.name} is not prepared, or its tables have changed: {error}") from error
        except (psycopg.Error, pymysql.err.MySQLError, OSError) as error:
            if not _is_no_answer(error):
                raise Conflict(f"{self.name} refuses a statement: {error}") from error
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
            # Both databases must convert values to text, and text to values, in the same way.
            settings = f"lock_timeout={LOCK_WAIT}s sharding.mover=on datestyle=ISO intervalstyle=postgres timezone=UTC"
            settings += " extra_float_digits=1 bytea_output=hex xmloption=content lc_monetary=C client_encoding=UTF8"
            settings += " default_transaction_isolation=read\\ committed default_transaction_read_only=off"
            # A query fails if a policy would hide rows of it, and keys are read in the order of their index instead
            # of being sorted in every batch.
            settings += " row_security=off enable_sort=off"
            settings += f" idle_in_transaction_session_timeout={ABANDONED}s"
            options = " ".join(f"-c {setting}" for setting in re.split(r"(?<!\\) ", settings))
            connection = TimedConnection.connect(
                host=it.host, port=it.port, user=it.user, password=it.password, dbname=it.database,
                connect_timeout=self._timeout, options=options, autocommit=True,
                application_name="customer-sharding mover", prepare_threshold=None,
            )  # fmt: skip
            connection.answer_timeout = ANSWER_TIMEOUT
            return connection
        return pymysql.connect(
            host=it.host, port=it.port, user=it.user, password=it.password.encode(), database=it.database,
            connect_timeout=self._timeout, read_timeout=ANSWER_TIMEOUT, write_timeout=ANSWER_TIMEOUT,
            autocommit=True, charset="utf8mb4",
            conv=dict[Any, Any](encoders),  # without decoders, so that values are returned as text
            init_command=f"SET @sharding_mover = 1, time_zone = '+00:00', innodb_lock_wait_timeout = {LOCK_WAIT}, "
            "sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO', foreign_key_checks = 1, unique_checks = 1, "
            f"sql_safe_updates = 0, sql_select_limit = {ALL_ROWS} "
            f"/*M!100300 , idle_transaction_timeout = {ABANDONED} */",  # a comment to MySQL, which has no such variable
        )  # fmt: skip

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _is_no_answer(error: Exception) -> bool:
    """Return whether an error is transient: the server did not answer, or a retry may succeed."""
    if isinstance(error, psycopg.Error):
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and (
            error.sqlstate is None or error.sqlstate[:2] in NO_ANSWER or error.sqlstate == "55P03"
        )
    if isinstance(error, pymysql.err.InternalError | pymysql.err.OperationalError) and error.args:
        return error.args[0] not in REFUSED_BY_MYSQL or error.args[0] in LATER_BY_MYSQL
    return not isinstance(error, pymysql.err.NotSupportedError | pymysql.err.InternalError)
