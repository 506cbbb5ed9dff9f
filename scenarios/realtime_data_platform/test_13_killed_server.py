"""Pinot's server is killed under writes: as published a read lacks rows without an error, and as corrected it fails.

A Pinot server that restarts is missing from the broker's routing table until it has read its newest rows from Kafka
again. Trino asks the broker which segments to read. If the broker lists none, Trino treats the table as empty.
"""

from itertools import count, cycle

import pytest

from fixtures.faults import Journal, Nemesis, Step
from fixtures.waiting import eventually
from scenarios.realtime_data_platform.concurrent_updates import ReadCheck, repeating

KEYS = range(1, 41)
PASSING = 1000  # the first id of the rows that are inserted and deleted again
HEALED_WITHIN = 180


@pytest.fixture(scope="module")
def start_numbers(make_pipeline):
    """Starts the pipeline of a table of forty people whose names are numbers."""
    running = {}

    def start(way):
        if way not in running:
            pipeline = running[way] = make_pipeline(f"numbers_{way}")
            pipeline.sql(
                f"INSERT INTO {pipeline.quoted} (customer_id, name) SELECT 1, '0' FROM generate_series(1, {len(KEYS)})"
            )
            pipeline.start(way, people=[])
        return running[way]

    return start


@pytest.fixture
def numbers(start_numbers, way):
    """The pipeline of numbered people, as published or as corrected."""
    return start_numbers(way)


@pytest.fixture
def journal(tmp_path):
    """The journal of what was written, and of the faults."""
    with Journal(tmp_path / "journal") as journal:
        yield journal


@pytest.fixture
def write(numbers, journal):
    """Makes the next two changes: one row gets the next number, and another row is inserted or deleted."""
    keys = cycle(KEYS)
    with numbers.connection() as connection:
        rows = connection.execute(f"SELECT id, name FROM {numbers.quoted}").fetchall()
        for key, name in rows:
            with journal.operation("writer", "write", key, name):
                pass
        steps = count(1 + max(int(name) for _, name in rows))

        def write():
            step, key = next(steps), next(keys)
            with journal.operation("writer", "write", key, str(step)):
                connection.execute(f"UPDATE {numbers.quoted} SET name = %s WHERE id = %s", [str(step), key])
            passing = PASSING + step % 50
            if step % 100 < 50:
                with journal.operation("writer", "write", passing, str(step)):
                    connection.execute(
                        f"INSERT INTO {numbers.quoted} VALUES (%s, 2, %s) ON CONFLICT (id, customer_id) "
                        "DO UPDATE SET name = excluded.name",
                        [passing, str(step)],
                    )
            else:
                with journal.operation("writer", "delete", passing):
                    connection.execute(f"DELETE FROM {numbers.quoted} WHERE id = %s", [passing])

        yield write


@pytest.fixture
def kill(numbers, write, journal, environment):
    """Kills a server and starts it again, while one client writes and another reads the view.

    It returns the check of all reads after a reader has seen a change that was made after the restart.
    """

    def kill(server):
        reads = ReadCheck()

        def read():
            with journal.operation("reader", "read", "the view"):
                reads.read(lambda: numbers.view("id, name"), set(KEYS))
                reads.read(lambda: numbers.view("id, name", "WHERE id = 1"), {1})

        def failing(_):
            eventually(lambda: reads.reads + len(reads.refused) > before + 1, within=HEALED_WITHIN)

        def caught_up(_):
            [(newest,)] = numbers.sql(f"SELECT max(name::bigint) FROM {numbers.quoted}")
            eventually(
                lambda: reads.incomplete or max(reads.newest.values()) >= newest,
                within=HEALED_WITHIN,
                message=lambda: f"{reads.summary()}, and the newest number read",
            )

        with repeating(write, pause=0.02), repeating(read, pause=0.1):
            eventually(lambda: reads.reads > 3, within=HEALED_WITHIN)
            before = reads.reads
            nemesis = Nemesis(journal, {server: environment[server]})
            nemesis.run([Step(server, "kill")], within=60, broken=failing, healed=caught_up)
        return reads

    return kill


@pytest.mark.claim("rdp-25", shows="published", fails_with=r"'a key missing': 0")
def test_published_read_lacks_rows_without_an_error(kill, evidence):
    reads = kill("pinot-server")

    assert reads.incomplete, reads.summary()
    evidence.table("reads while Pinot's server restarts", [reads.summary()])


@pytest.mark.claim("rdp-25", shows="corrected", fails_with=r"'a key missing': [1-9]")
def test_read_is_an_error_until_the_server_is_back(kill, evidence):
    reads = kill("pinot-server")

    assert not reads.incomplete, reads.summary()
    assert reads.refused
    evidence.table("reads while Pinot's server restarts", [reads.summary()])
    evidence.json("errors", sorted({error.split("\n")[0][:160] for error in reads.refused}))
