"""No row of a snapshot hides a later change, whichever of the two has the higher log sequence number."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from fixtures.waiting import eventually
from scenarios.realtime_data_platform.pipeline import VISIBLE_WITHIN

pytestmark = pytest.mark.claim("rdp-32")

# How many sessions wait for a transaction to end. The creation of a replication slot waits for each open transaction.
WAITED_FOR = (
    "SELECT count(*) FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted AND transactionid = %s::xid"
)


@contextmanager
def transaction(pipeline):
    """Open a transaction, and give its connection and its number."""
    with pipeline.connection() as connection:
        connection.execute("BEGIN")
        [number] = connection.execute("SELECT pg_current_xact_id()::xid::text").fetchone()
        yield connection, number


class TestOpenTransaction:
    """While it is being created, a slot waits first for open transactions, and then for those begun in the meantime.

    A transaction that begins during the second wait is streamed in full. If it commits after the snapshot is taken, its
    changes are missing from the snapshot, although their log sequence numbers are lower than the snapshot's.
    """

    @pytest.fixture
    def overtaken(self, make_pipeline):
        """A pipeline whose snapshot was taken between a transaction's changes and its commit."""
        pipeline = make_pipeline("overtaken")
        for customer, name in enumerate(("updated", "deleted", "moved", "untouched"), 1):
            pipeline.insert(customer, name)

        def waited_for(number):
            eventually(lambda: pipeline.sql(WAITED_FOR, number) != [(0,)], within=VISIBLE_WITHIN)

        with transaction(pipeline) as (first, first_number), transaction(pipeline) as (late, _):
            late.execute("ROLLBACK")
            with ThreadPoolExecutor() as pool:
                applied = pool.submit(pipeline.platform.apply, pipeline.described())
                waited_for(first_number)
                with transaction(pipeline) as (second, second_number):
                    first.execute("COMMIT")
                    waited_for(second_number)
                    late.execute("BEGIN")
                    late.execute(f"UPDATE {pipeline.quoted} SET name = 'again' WHERE customer_id = 1")
                    late.execute(f"DELETE FROM {pipeline.quoted} WHERE customer_id = 2")
                    late.execute(f"UPDATE {pipeline.quoted} SET id = 33 WHERE customer_id = 3")
                    late.execute(f"INSERT INTO {pipeline.quoted} (id, customer_id, name) VALUES (55, 5, 'new')")
                    late.execute(f"UPDATE {pipeline.quoted} SET name = 'newer' WHERE customer_id = 5")
                    second.execute("COMMIT")
                applied.result()
            pipeline.until(lambda: pipeline.pinot("op").count(("r",)) == 4, "Pinot lacks rows of the snapshot")
            late.execute("COMMIT")
        return pipeline

    def test_view_has_changes_begun_before_the_slot(self, overtaken, evidence):
        overtaken.until_equal()

        numbers = {
            name: [event["source"]["lsn"] for event in overtaken.events() if (event["op"] == "r") == is_snapshot]
            for name, is_snapshot in (("snapshot", True), ("changes", False))
        }
        assert max(numbers["changes"]) < min(numbers["snapshot"])
        evidence.json("log sequence numbers", numbers)
        assert overtaken.platform.compact(overtaken.name).changes == 0
        for name in ("first", "second"):
            overtaken.sql(f"UPDATE {overtaken.quoted} SET name = %s WHERE customer_id = 4", name)
            overtaken.until_equal()
            overtaken.platform.compact(overtaken.name)
            assert not overtaken.platform.verify(overtaken.described())


class TestSecondSnapshot:
    @pytest.fixture
    def followed_again(self, make_pipeline):
        """A pipeline that was removed and applied again; its topic still has the messages of the first one."""
        pipeline = make_pipeline("followed_again").start("corrected")
        pipeline.sql(f"UPDATE {pipeline.quoted} SET name = 'before' WHERE id IN (1, 2)")
        pipeline.until_equal()
        pipeline.platform.remove(pipeline.name)
        pipeline.sql(f"UPDATE {pipeline.quoted} SET name = 'between' WHERE id = 1")
        pipeline.sql(f"DELETE FROM {pipeline.quoted} WHERE id = 2")
        pipeline.platform.apply(pipeline.described())
        return pipeline

    def test_row_deleted_between_two_snapshots_is_gone(self, followed_again):
        followed_again.until_equal()

        for name in ("first", "second"):
            followed_again.sql(f"UPDATE {followed_again.quoted} SET name = %s WHERE id = 3", name)
            followed_again.until_equal()
            followed_again.platform.compact(followed_again.name)
            assert not followed_again.platform.verify(followed_again.described())
