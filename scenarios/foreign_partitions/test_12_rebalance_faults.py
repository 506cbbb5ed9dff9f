"""A rebalance that is killed at its steps, loses a server, or finds an old leaf gone, while clients write and read."""

import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from hypothesis import settings

from fixtures.waiting import eventually
from reference.foreign_partitions import Conflict, Deployment, DirectRows, PartitionUnavailable, Rebalance
from scenarios.foreign_partitions.rebalancing import STEPS, run_and_be_killed, run_to_its_end, run_until

pytestmark = pytest.mark.claim("fdw-12")

LONG = settings().max_examples > 1000  # HYPOTHESIS_PROFILE=soak
# After the last of these the old leaf is still on its server.
KILLED = [*((end, "") for end in (STEPS if LONG else STEPS[6:7])), ("switched", "person_2")]
LOST = [("locked", "pause"), *([("changes are recorded", "pause"), ("rows are copied", "kill")] if LONG else [])]


def test_killed_rebalance_is_continued(filled, larger, clients, sound):
    with clients:
        for end, begin in KILLED:
            run_and_be_killed(larger, end, begin)
            clients.work_on()
            with Deployment(larger) as deployment:
                report = deployment.verify()
                with pytest.raises(Conflict, match="a rebalance of person is under way"):
                    deployment.apply()
            assert "a rebalance of person is under way" in report.conflicts[0]
            assert report.misplaced == {}
        ((person,),) = filled.rows("UPDATE person SET name = 'new' WHERE id = 1 AND quarter = 2 RETURNING id")
        with DirectRows(filled.first, filled.description) as direct:
            assert [each["name"] for each in direct.find(quarter=2, id=person)] == ["new"]
        run_to_its_end(larger)
    sound()


@pytest.mark.parametrize("leaves", [("person_2_of_8",), ("person_3_of_8", "person_7_of_8")], ids=["same", "two"])
@pytest.mark.usefixtures("filled")
def test_rebalance_deadlocks_with_no_client(leaves, larger, servers):
    """A transaction that has written to a new leaf goes on to write while the leaf is to be attached to its parent."""
    run_and_be_killed(larger, "switched", leaves[0].removesuffix("_of_8"))
    with psycopg.connect(servers.second.url) as client, ThreadPoolExecutor() as executor:
        client.execute(f"LOCK TABLE {leaves[-1]} IN ROW EXCLUSIVE MODE")
        client.execute("SET LOCAL deadlock_timeout = 10")  # found as soon as there is one
        ended = executor.submit(run_to_its_end, larger)
        waits = "SELECT FROM pg_locks WHERE NOT granted AND relation = %s::regclass"
        with psycopg.connect(servers.second.url, autocommit=True) as another:
            eventually(lambda: another.execute(waits, [leaves[-1]]).fetchall(), within=60)
        client.execute(f"UPDATE {leaves[0]} SET name = 'written while the rebalance waits'")
        client.commit()
        ended.result(120)


@pytest.mark.parametrize(("end", "fault"), LOST)
def test_rebalance_survives_a_lost_server(end, fault, larger, clients, sound, third):
    with clients:
        with Rebalance(larger, hold=4, answer_timeout=3) as rebalance:
            steps = rebalance.run()
            run_until(steps, end)
            getattr(third, fault)()
            began = time.monotonic()
            try:
                with pytest.raises(PartitionUnavailable, match=r"^postgres_6 .* run the same command again"):
                    list(steps)
                clients.work_on()
            finally:
                third.resume() if fault == "pause" else third.restart()
            assert time.monotonic() - began < 30
        run_to_its_end(larger)
    sound()


@pytest.mark.usefixtures("filled")
def test_rebalance_keeps_new_leaves_of_a_lost_one(larger, servers):
    """A base that was restored from before a switch reads an old leaf that is dropped: the new leaves have the rows."""
    with Rebalance(larger) as rebalance, Rebalance(larger) as another:
        steps = rebalance.run()
        run_until(steps, "rows are copied", "person_3")
        with pytest.raises(Conflict, match="another apply or rebalance"):
            list(another.run())
        steps.close()
    with psycopg.connect(servers.second.url, autocommit=True) as second:
        second.execute("DROP TABLE person_3")
        query = "SELECT count(*) FROM (TABLE person_3_of_8 UNION ALL TABLE person_7_of_8) new"
        before = second.execute(query).fetchone()

        with Rebalance(larger) as rebalance, pytest.raises(Conflict, match="postgres_5: there is no table person_3,"):
            list(rebalance.run())

        assert before > (0,)
        assert second.execute(query).fetchone() == before
