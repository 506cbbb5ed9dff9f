"""The rationale and the workflow: many databases, a directory per service and environment, a new environment."""

import json
from contextlib import closing

import psycopg
import pytest

from fixtures.waiting import eventually
from scenarios.cloud_migrations.published import EXAMPLE, WORKFLOW
from scenarios.customer_sharding.databases import EMPTY, Database
from scenarios.customer_sharding.published import CUSTOMERS
from scenarios.customer_sharding.services.processes import PersonService, ShardingService


@pytest.mark.claim("mig-4")
def test_same_migrations_are_applied_to_many_databases(command, bucket, databases, listed, evidence):
    source = bucket.put("a", EXAMPLE)
    three = databases("one", "two", "three")
    words = ("-s", source, "-d", listed(*three))

    code, said, _ = command("apply", *words)

    evidence.text("the report", said)
    assert code == 0
    assert [each.rows("SELECT * FROM person") for each in three] == [[(1, "Alice")]] * 3
    assert [each.applied() for each in three] == [["001-create-table", "002-insert-row"]] * 3


@pytest.mark.claim("mig-4")
def test_applying_migrations_again_changes_nothing(command, bucket, databases, listed):
    source = bucket.put("a", EXAMPLE)
    three = databases("one", "two", "three")
    words = ("-s", source, "-d", listed(*three))
    command("apply", *words)
    before = [each.rows("SELECT * FROM _yoyo_log") for each in three]

    code, said, _ = command("apply", *words)

    assert (code, said) == (0, "one\tup to date\ntwo\tup to date\nthree\tup to date\n")
    assert [each.rows("SELECT * FROM _yoyo_log") for each in three] == before
    assert [each.rows("SELECT * FROM person") for each in three] == [[(1, "Alice")]] * 3
    assert command("status", *words)[0] == 0


@pytest.mark.claim("mig-5")
def test_stage_has_one_migration_more_than_production(command, bucket, databases, listed):
    sources = {name: bucket.put(name, files) for name, files in WORKFLOW.items()}
    prod, stage = databases("prod", "stage")

    for database in (prod, stage):
        assert command("apply", "-s", sources[f"order_service/{database.name}"], "-d", database.url)[0] == 0

    assert prod.applied() == ["001-create-table"]
    assert stage.applied() == ["001-create-table", "002-add-column"]
    assert (prod.columns("orders"), stage.columns("orders")) == (["id"], ["id", "state"])

    # Released: the file is copied to the directory of production.
    bucket.put("order_service/prod", WORKFLOW["order_service/stage"])
    code, said, _ = command("plan", "-s", sources["order_service/prod"], "-d", listed(prod))

    assert (code, said) == (0, "prod\tpending\t002-add-column\n")


@pytest.mark.claim("mig-5")
def test_directory_above_the_environments_is_no_source(command, bucket, database):
    for name, files in WORKFLOW.items():
        bucket.put(name, files)

    code, _, said = command("apply", "-s", bucket.url("order_service"), "-d", database.url)

    assert code == 2
    assert "holds no migration, but directories (prod, stage): name one of them" in said


@pytest.mark.claim("mig-6")
def test_empty_database_becomes_a_new_environment(command, bucket, databases):
    source = bucket.put("stage", WORKFLOW["order_service/stage"])
    old, new = databases("old", "new")
    bucket.put("old", WORKFLOW["order_service/prod"])
    command("apply", "-s", bucket.url("old"), "-d", old.url)
    command("apply", "-s", source, "-d", old.url)
    assert new.all_tables() == []

    code, said, _ = command("apply", "-s", source, "-d", new.url, "--json")

    (outcome,) = json.loads(said)["databases"]
    assert (code, outcome["done"]) == (0, ["001-create-table", "002-add-column"])
    assert new.columns("orders") == old.columns("orders") == ["id", "state"]
    assert new.applied() == old.applied()


@pytest.fixture
def sharded(environment, tmp_path):
    """The sharded service with a customer in each of three databases."""
    names = ("first", "second", "third")
    with psycopg.connect(environment["meta"].url, autocommit=True) as connection:
        connection.execute(EMPTY)
    three = {name: Database(environment[name]) for name in names}
    with closing(ShardingService(tmp_path, environment["meta"].url)) as sharding:
        for name, database in three.items():
            sharding.register(name, database)
        for customer, name in zip(CUSTOMERS, names, strict=True):
            sharding.place(customer, name)
        settings = {"SHARDING_MODE": "api", **sharding.settings}
        with closing(PersonService(tmp_path, "corrected", settings)) as service:
            yield service, dict(zip(CUSTOMERS, three.values(), strict=True))
    for database in three.values():
        database.close()


@pytest.mark.claim("mig-10")
def test_new_column_reaches_every_database(command, bucket, sharded, environment, evidence):
    """Saves go on before, during and after: a migration waits a bounded time for its lock, and holds it shortly."""
    service, of_customer = sharded
    source = bucket.put("person", {"001-nickname.sql": "ALTER TABLE person ADD COLUMN nickname text;"})
    writers = [Writer(service, customer) for customer in of_customer]
    try:
        for writer in writers:
            writer.start()
        eventually(lambda: all(writer.saved > 2 for writer in writers), within=30)

        code, said, _ = command("apply", "-s", source, "--sharding-meta", environment["meta"].url, "--json")

        after = [writer.saved for writer in writers]
        eventually(lambda: all(writer.saved > n + 2 for writer, n in zip(writers, after, strict=True)), within=30)
    finally:
        for writer in writers:
            writer.end()
    outcomes = json.loads(said)["databases"]
    evidence.json("the report", outcomes)
    evidence.table("saves", [{"customer": each.customer, "saved": each.saved} for each in writers])
    assert code == 0
    assert [each["done"] for each in outcomes] == [["001-nickname"]] * 3
    assert [writer.refused for writer in writers] == [[]] * 3
    for writer in writers:
        database = of_customer[writer.customer]
        assert database.rows("SELECT count(*), count(nickname) FROM person") == [(writer.saved, 0)]


def saves(service, customer):
    """Save one person; return the status and the text of the answer."""
    answer = service.save(customer)
    return answer.status_code, answer.text


class Writer:
    """Saves people of a customer, one after the other, until it is ended.

    Attributes:
        saved: Number of acknowledged saves.
        refused: Answers that were no acknowledgement.
    """

    def __init__(self, service, customer):
        import threading

        self.customer, self.saved, self.refused = customer, 0, []
        self._service, self._stop = service, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self._thread.start()

    def end(self):
        self._stop.set()
        self._thread.join(30)

    def _run(self):
        while not self._stop.wait(0.01):
            status, text = saves(self._service, self.customer)
            if status == 200:
                self.saved += 1
            else:
                self.refused.append(text)
