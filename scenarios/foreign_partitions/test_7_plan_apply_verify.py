"""The command that sets the table up, brings the published one to order, and finds what is wrong with it."""

import json
from dataclasses import replace

import psycopg
import pytest
from typer.testing import CliRunner

from fixtures.waiting import eventually
from reference.foreign_partitions.cli import app
from reference.foreign_partitions.deployment import Deployment
from reference.foreign_partitions.description import Secret
from reference.foreign_partitions.errors import Conflict
from scenarios.foreign_partitions.table import PERSON, describe


@pytest.fixture
def file(servers, tmp_path):
    """The description as a file."""
    described = describe(servers.first, servers.second)
    (server,) = described.servers

    def endpoint(said):
        facts = {name: getattr(said, name) for name in ("host", "port", "database", "user")}
        return {**facts, "password_environment": "PASSWORD"}

    host, port = server.reached
    whole = {
        "base": endpoint(described.base),
        "table": {
            "name": "person",
            "columns": {name: column.type for name, column in described.table.columns.items()},
            "hash": "quarter",
            "identity": "id",
            "key": ["id"],
        },
        "servers": {server.name: {**endpoint(server.endpoint), "reached": {"host": host, "port": port}}},
        "partitions": [{k: v for k, v in vars(each).items() if v is not None} for each in described.partitions],
    }
    path = tmp_path / "person.json"
    path.write_text(json.dumps(whole))
    return path


@pytest.fixture
def command(file, servers):
    """Run the command on the file; the exit code and the output."""
    password = servers.first.service.password

    def run(verb):
        done = CliRunner(env={"PASSWORD": password}).invoke(app, [verb, str(file)])
        return done.exit_code, done.output

    return run


class TestCommand:
    @pytest.mark.claim("fdw-1")
    def test_apply_is_idempotent(self, command, evidence):
        planned = command("plan")
        applied = command("apply")

        evidence.text("what is planned", planned[1])
        assert planned == applied
        assert "'***'" in applied[1]
        assert command("apply") == command("plan") == (0, "nothing to do\n")
        code, output = command("verify")
        assert (code, output.splitlines()[0]) == (0, "person_0\t0 rows\t0 misplaced")

    @pytest.mark.claim("fdw-1")
    def test_apply_corrects_the_published_table(self, made, command, evidence):
        table = made("published")
        insert = """INSERT INTO person (quarter, name, address, customer_id)
            SELECT n, '', '', '4' FROM generate_series(1, 8) n"""
        table.first.execute(insert)

        code, output = command("apply")

        evidence.text("what was done", output)
        assert code == 0
        assert command("verify")[0] == 0
        table.first.execute(insert)
        assert table.rows("SELECT array_agg(id ORDER BY id) FROM person") == [(list(range(1, 17)),)]

    @pytest.mark.claim("fdw-1")
    def test_apply_repairs_drift(self, made, command):
        table = made("corrected")
        table.first.execute("ALTER SERVER postgres_5 OPTIONS (SET batch_size '7')")
        table.first.execute("DROP FOREIGN TABLE person_3")

        code, output = command("verify")
        command("apply")

        assert code == 1
        assert "drift\tbase: ALTER SERVER" in output
        assert "drift\tbase: CREATE FOREIGN TABLE" in output
        assert command("verify")[0] == 0

    @pytest.mark.claim("fdw-1")
    def test_apply_refuses_contradictions(self, made):
        table = made("corrected")
        elsewhere = [replace(each, server=None) for each in table.description.partitions]

        with (
            Deployment(replace(table.description, partitions=elsewhere)) as deployment,
            pytest.raises(Conflict, match="person_2 is a foreign table on postgres_5"),
        ):
            deployment.apply()

    @pytest.mark.claim("fdw-6", shows="published")
    def test_verify_finds_misplaced_rows(self, table, command):
        table.second.execute("INSERT INTO person_2 VALUES (7, 1, '', '', ''), (8, 2, '', '', '')")

        code, output = command("verify")

        assert code == 1
        assert "person_2\t2 rows\t1 misplaced" in output
        code, output = command("apply")
        assert code == 3
        assert 'partition constraint of relation "person_2" is violated by some row' in output

    @pytest.mark.claim("fdw-5", shows="published")
    def test_verify_finds_duplicates(self, table, command):
        for _ in range(2):
            table.insert_again({"id": 5, "quarter": 1, **PERSON})

        code, output = command("verify")

        assert code == 1
        assert "duplicate\tid 5, times 2, leaves ['person_0']" in output

    def test_verify_finds_duplicates_across_leaves(self, made, command):
        table = made("published")
        for quarter in (1, 2):
            table.insert_again({"id": 5, "quarter": quarter, **PERSON})

        code, output = command("verify")

        assert code == 1
        assert "duplicate\tid 5, times 2, leaves ['person_0', 'person_2']" in output


class TestPasswords:
    """The base is told the password of the other server, and may log every statement that it is given."""

    PASSWORD = "not-to-be-seen"
    LOGGED = "SELECT 'this is logged'"

    @pytest.fixture
    def keeper(self, servers):
        """Who has the partitions on the second server, with a password that is found where it is shown."""
        with psycopg.connect(servers.second.url, autocommit=True) as second:
            second.execute(f"CREATE ROLE keeper SUPERUSER LOGIN PASSWORD '{self.PASSWORD}'")
            yield "keeper"
            second.execute("DROP OWNED BY keeper CASCADE")
            second.execute("DROP ROLE keeper")

    @pytest.fixture
    def base(self, servers):
        """A connection to the base, which logs every statement meanwhile."""
        with psycopg.connect(servers.first.url, autocommit=True) as base:
            for setting in ("log_statement = 'all'", "log_min_duration_statement = 0"):
                base.execute(f"ALTER SYSTEM SET {setting}")
            base.execute("SELECT pg_reload_conf()")
            yield base
            base.execute("ALTER SYSTEM RESET ALL")
            base.execute("SELECT pg_reload_conf()")

    @pytest.mark.claim("fdw-1")
    def test_passwords_are_in_no_log(self, servers, keeper, base, evidence):
        described = describe(servers.first, servers.second)
        (server,) = described.servers
        endpoint = replace(server.endpoint, user=keeper, password=Secret(self.PASSWORD))
        described = replace(described, servers=[replace(server, endpoint=endpoint)])
        eventually(lambda: base.execute(self.LOGGED) and self.LOGGED in self.log(servers), within=10)

        with Deployment(described) as deployment:
            deployment.apply()
            # What has drifted is told anew.
            base.execute("ALTER USER MAPPING FOR postgres SERVER postgres_5 OPTIONS (SET password 'another')")
            changes = deployment.apply().changes

        eventually(lambda: "'another'" in self.log(servers), within=10)
        evidence.text("what was done, as it is shown", "\n".join(map(str, changes)))
        assert "password '***'" in str(changes[0])
        assert base.execute("SELECT umoptions[2] FROM pg_user_mappings").fetchone() == (f"password={self.PASSWORD}",)
        base.execute("SELECT 'and the end'")
        eventually(lambda: "and the end" in self.log(servers), within=10)
        assert self.PASSWORD not in self.log(servers)

    def log(self, servers):
        return servers.first.log(lines=10_000)
