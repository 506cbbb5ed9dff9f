"""Beyond the document: a migration fails, is edited, meets another runner, or its runner is killed."""

import json
import signal
import threading

import pytest

from fixtures.waiting import eventually
from reference.cloud_migrations import Database, Migrations, Runner, Settings, State, read_migrations
from scenarios.cloud_migrations.readers import Failed

CREATE = {"001-person.sql": "CREATE TABLE person (id bigint);"}
# Its second step fails everywhere.
HALF = {"001-half.sql": "CREATE TABLE done (id bigint);\nALTER TABLE nowhere ADD COLUMN name text;"}
# Its last step fails where the table exists already.
FAILING = CREATE | {"002-more.sql": "ALTER TABLE person ADD COLUMN name text;\nCREATE TABLE taken (id bigint);"}


def run(source, *databases, settings=None, **options):
    """Apply a source's migrations to databases and return the outcomes."""
    runner = Runner(Migrations(read_migrations(source)), settings or Settings(lock_timeout=None), **options)
    return runner.apply([Database.of(each.url, each.name) for each in databases])


class TestHistory:
    """What was applied is compared with what is read."""

    @pytest.mark.claim("mig-8")
    @pytest.mark.parametrize(
        ("then", "kind"),
        [
            ({"001-person.sql": "CREATE TABLE person (id bigint, name text);"}, "edited"),
            ({"002-other.sql": "SELECT 1;"}, "missing"),
            (CREATE | {"000-early.sql": "CREATE TABLE early (id bigint);"}, "out-of-order"),
        ],
    )
    def test_contradicting_history_is_noticed(self, command, bucket, database, then, kind):
        assert run(bucket.put("before", CREATE), database)[0].state is State.APPLIED
        before = database.rows("SELECT * FROM _yoyo_log")
        words = ("-s", bucket.put("then", then), "-d", database.url)

        for verb in ("plan", "apply", "status"):
            code, said, _ = command(verb, *words)

            assert code == 1
            assert f"(--allow {kind})" in said

        assert database.rows("SELECT * FROM _yoyo_log") == before
        assert command("apply", *words, "--allow", "edited", "--allow", kind)[0] == 0

    @pytest.mark.claim("mig-8")
    def test_dry_run_shows_the_plan_and_writes_nothing(self, command, bucket, databases, listed):
        source = bucket.put("a", FAILING)
        empty, begun = databases("empty", "begun")
        run(bucket.put("before", CREATE), begun)
        before = begun.all_tables()

        planned = command("plan", "-s", source, "-d", listed(empty, begun))
        dry = command("apply", "-s", source, "-d", listed(empty, begun), "--dry-run")

        assert planned == dry == (0, "empty\tpending\t001-person, 002-more\nbegun\tpending\t002-more\n", "")
        assert (empty.all_tables(), begun.all_tables()) == ([], before)


class TestFailure:
    @pytest.mark.claim("mig-8")
    def test_failed_migration_leaves_no_change(self, command, bucket, databases, listed, evidence):
        one, bad, other = databases("one", "bad", "other")
        bad.connection.execute("CREATE TABLE taken (id bigint)")
        words = ("-s", bucket.put("a", FAILING), "-d", listed(one, bad, other), "--stop-after", 2)

        code, said, _ = command("apply", *words, "--json")

        report = json.loads(said)["databases"]
        evidence.json("the report", report)
        assert code == 1
        assert [each["state"] for each in report] == ["applied", "failed", "applied"]
        assert report[1]["done"] == ["001-person"]
        assert report[1]["pending"] == ["002-more"]
        assert 'step 2 of 2 of 002-more failed: 42P07: relation "taken" already exists' in report[1]["problem"]
        assert report[1]["left"] == ""
        assert bad.columns("person") == ["id"]
        assert bad.applied() == ["001-person"]
        assert one.columns("person") == other.columns("person") == ["id", "name"]

    @pytest.mark.claim("mig-8")
    def test_busy_table_ends_at_the_lock_timeout(self, command, bucket, database, gate):
        run(bucket.put("a", CREATE), database)
        source = bucket.put("a", FAILING)

        words, done = ("apply", "-s", source, "-d", database.url, "--lock-timeout", 0.2), []
        runner = threading.Thread(target=lambda: done.append(command(*words)), daemon=True)

        with gate(database, "person"):
            runner.start()
            eventually(lambda: done or database.waiting() == 1, within=60)
            runner.join(15)  # from when it waits for the table, however long the machine took to come there
            assert done, "it waits for the table still"

        (code, said, _), *_ = done
        assert code == 1
        assert "it did not get its lock in time" in said
        assert database.columns("person") == ["id"]
        assert command("apply", "-s", source, "-d", database.url)[0] == 0

    @pytest.mark.claim("mig-8")
    def test_report_says_what_no_transaction_undoes(self, command, bucket, database):
        text = """-- transactional: false
CREATE TABLE person (name text);
INSERT INTO person VALUES ('Alice'), ('Alice');
CREATE UNIQUE INDEX CONCURRENTLY person_name ON person (name);"""
        source = bucket.put("a", {"001-index.sql": text})

        code, said, _ = command("apply", "-s", source, "-d", database.url, "--json")

        (report,) = json.loads(said)["databases"]
        assert (code, report["state"]) == (1, "failed")
        assert "outside a transaction: of 001-index steps 1, 2 are done" in report["left"]
        assert "these indexes are invalid, drop them: person_name" in report["left"]
        assert database.tables() == ["person"]

    @pytest.mark.claim("mig-8")
    def test_migration_that_commits_is_not_called_undone(self, command, bucket, database):
        source = bucket.put("a", {"001-person.sql": "CREATE TABLE person (id bigint);\nCOMMIT;\nSELECT nothing;"})

        code, said, _ = command("apply", "-s", source, "-d", database.url, "--json")

        (report,) = json.loads(said)["databases"]
        assert code == 1
        assert "step 2 of 001-person ended the transaction" in report["problem"]
        assert "may have been committed" in report["left"]
        assert database.tables() == ["person"]

    @pytest.mark.claim("mig-8")
    def test_rollback_undoes_the_last_migration_or_refuses(self, command, bucket, database):
        files = CREATE | {
            "002-name.sql": "ALTER TABLE person ADD COLUMN name text;",
            "002-name.rollback.sql": "ALTER TABLE person DROP COLUMN name;",
        }
        words = ("-s", bucket.put("a", files), "-d", database.url)
        command("apply", *words)

        assert command("rollback", *words, "--last", 1)[0] == 0
        assert database.columns("person") == ["id"]
        assert database.applied() == ["001-person"]

        code, said, _ = command("rollback", *words, "--last", 1)

        assert code == 1
        assert "001-person has no rollback" in said
        assert database.tables() == ["person"]
        assert database.applied() == ["001-person"]


class TestTwoRunners:
    @pytest.mark.claim("mig-8")
    def test_second_runner_waits_for_the_first(self, bucket, database, gate):
        run(bucket.put("a", CREATE), database)
        source = bucket.put("a", CREATE | {"002-row.sql": "INSERT INTO person VALUES (1);"})
        found = {}

        def work(name, wait, lock_timeout=None):
            found[name] = run(source, database, settings=Settings(lock_timeout=lock_timeout, wait_for_runner=wait))[0]

        with gate(database, "person"):
            runners = [threading.Thread(target=work, args=("first", 30), daemon=True)]
            runners[0].start()
            eventually(lambda: database.waiting() == 1, within=30)
            # Without the runners' lock it would wait at the gate: not for ever.
            work("impatient", 0.1, lock_timeout=5)
            runners.append(threading.Thread(target=work, args=("patient", 60), daemon=True))
            runners[1].start()
        for runner in runners:
            runner.join(60)

        assert "another runner has held the migration lock" in found["impatient"].problem
        assert (found["first"].state, found["patient"].state) == (State.APPLIED, State.UP_TO_DATE)
        assert database.rows("SELECT * FROM person") == [(1,)]

    @pytest.mark.claim("mig-8")
    def test_yoyos_own_lock_keeps_the_runner_out(self, bucket, database):
        source = bucket.put("a", CREATE)
        run(source, database)
        database.rows("INSERT INTO yoyo_lock (locked, ctime, pid) VALUES (1, now(), 4711) RETURNING 1")

        (outcome,) = run(source, database, settings=Settings(wait_for_runner=0.1))

        assert outcome.state is State.FAILED
        assert "yoyo's process 4711 has held its lock since" in outcome.problem
        assert database.rows("SELECT pid FROM yoyo_lock") == [(4711,)]

    @pytest.mark.claim("mig-8")
    def test_killed_runner_blocks_nobody(self, bucket, database, started, gate):
        """It is killed between the last step of a migration and its record."""
        run(bucket.put("a", CREATE), database)
        source = bucket.put("a", CREATE | {"002-other.sql": "CREATE TABLE other (id bigint);"})
        with gate(database, "_yoyo_migration"):
            runner = started("apply", "-s", source, "-d", database.url, "--lock-timeout", 600)
            eventually(lambda: database.waiting() == 1, within=30)
            runner.send_signal(signal.SIGKILL)
            runner.wait()
            assert [pid < 0 for (pid,) in database.rows("SELECT pid FROM yoyo_lock")] == [True]
            eventually(lambda: database.waiting() == 0, within=30)
        assert database.tables() == ["person"]

        (outcome,) = run(source, database)

        assert (outcome.state, outcome.done) == (State.APPLIED, ["002-other"])
        assert database.tables() == ["other", "person"]
        assert database.rows("SELECT * FROM yoyo_lock") == []


class TestManyAtOnce:
    @pytest.mark.claim("mig-8")
    def test_databases_migrate_in_parallel_with_a_report(self, bucket, databases, gate, evidence):
        three = databases("one", "two", "three")
        for each in three:
            run(bucket.put("a", CREATE), each)
        source = bucket.put("a", CREATE | {"002-row.sql": "INSERT INTO person VALUES (1);"})
        found = []
        runner = threading.Thread(target=lambda: found.extend(run(source, *three, parallel=3)), daemon=True)

        with gate(three[0], "person"), gate(three[1], "person"), gate(three[2], "person"):
            runner.start()
            eventually(lambda: [each.waiting() for each in three] == [1, 1, 1], within=30)
        runner.join(60)

        evidence.table("the report", [{"database": each.database, "state": str(each.state)} for each in found])
        assert [(each.database, each.state) for each in found] == [
            (name, State.APPLIED) for name in ("one", "two", "three")
        ]


# yoyo names the driver's arguments by their old names.
@pytest.mark.filterwarnings("ignore:'(db|passwd)' is deprecated:DeprecationWarning")
class TestMariaDB:
    """Its DDL commits by itself."""

    @pytest.mark.claim("mig-11", shows="published", fails_with="Regex pattern did not match")
    def test_published_way_hides_what_failed_on_mariadb(self, reader, bucket, mariadb):
        """It goes back to a savepoint, which ended with the first statement; that is all it says."""
        with pytest.raises(Failed, match=r"1305, 'SAVEPOINT \w+ does not exist'"):
            reader.apply(mariadb, bucket.put("a", HALF))

        assert mariadb.tables() == ["done"]

    @pytest.mark.claim("mig-11", shows="corrected", fails_with="SAVEPOINT")
    def test_half_a_migration_on_mariadb_is_reported(self, reader, bucket, mariadb, database, evidence):
        source = bucket.put("a", HALF)
        for each in (mariadb, database):
            with pytest.raises(Failed, match="nowhere") as failure:
                reader.apply(each, source)
            evidence.text(f"the runner's report, {each.name}", str(failure.value))
            assert ("step 1 is done" in str(failure.value)) == (each is mariadb)
        assert (mariadb.tables(), database.tables()) == (["done"], [])

        # As the report says: undone by hand, the step repaired, and applied again.
        mariadb.rows("DROP TABLE done")
        repaired = bucket.put("a", {"001-half.sql": HALF["001-half.sql"].replace("nowhere", "done")})
        for each in (mariadb, database):
            reader.apply(each, repaired)

        assert (mariadb.tables(), database.tables()) == (["done"], ["done"])
        assert mariadb.applied() == database.applied() == ["001-half"]

    @pytest.mark.claim("mig-11", shows="corrected", fails_with="SAVEPOINT")
    def test_rollback_file_undoes_the_steps_before(self, reader, bucket, mariadb):
        files = HALF | {"001-half.rollback.sql": "SELECT 1;\nDROP TABLE done;"}

        with pytest.raises(Failed, match="nowhere"):
            reader.apply(mariadb, bucket.put("a", files))

        assert mariadb.tables() == []
