"""Beyond the document: names, addresses and statements that occur in practice and break what is not ready for them."""

from urllib.parse import quote, urlsplit

import psycopg
import pytest

# As pg_dump begins its output.
DUMPED = """\
SET statement_timeout = 0;
SET lock_timeout = 0;
SELECT pg_catalog.set_config('search_path', '', false);
CREATE TABLE public.person (id bigint);
"""
CREATED = {"001-person.sql": "CREATE TABLE person (id bigint);"}


@pytest.fixture
def apply(command, bucket, database):
    """Apply files to the test's database, by the command; with further words."""
    return lambda files, *words: command("apply", "-s", bucket.put("s", files), "-d", database.url, *words)


class TestSession:
    """What a migration sets for its session ends with it."""

    def test_dump_as_a_migration_is_recorded(self, apply, database):
        code, said, _ = apply({"001-dump.sql": DUMPED, "002-row.sql": "INSERT INTO person VALUES (1);"})

        assert (code, database.applied()) == (0, ["001-dump", "002-row"]), said

    def test_role_of_a_migration_ends_with_it(self, apply, database):
        with psycopg.connect(database.url, autocommit=True) as connection:
            if not connection.execute("SELECT FROM pg_roles WHERE rolname = 'reader'").fetchall():
                connection.execute("CREATE ROLE reader")
        files = {"001-role.sql": "SET ROLE reader;", "002-user.sql": "CREATE TABLE owned (id bigint);"}

        code, said, _ = apply(files)

        assert (code, database.applied()) == (0, ["001-role", "002-user"]), said
        assert database.rows("SELECT tableowner FROM pg_tables WHERE tablename = 'owned'") == [("postgres",)]

    def test_time_limit_holds_after_one_is_lifted(self, apply, database, gate):
        database.connection.execute("CREATE TABLE busy (id bigint)")
        files = {"001-dump.sql": DUMPED, "002-busy.sql": "INSERT INTO busy VALUES (1);"}

        with gate(database, "busy"):
            code, said, _ = apply(files, "--lock-timeout", 0.2)

        assert (code, database.applied()) == (1, ["001-dump"])
        assert "did not get its lock in time" in said

    def test_session_is_restored_outside_transactions(self, apply, database):
        code, said, _ = apply({"001-dump.sql": f"-- transactional: false\n{DUMPED}"})

        assert (code, database.applied()) == (0, ["001-dump"]), said


def test_special_characters_in_an_address(command, bucket, database, monkeypatch, tmp_path):
    """In a URL each is written as %XX, in a variable as it is."""
    user, password, name = "a@b:c/d", 'p@ss:w/o?r#d% ü"', "dä ta?#base"
    server = urlsplit(database.url)
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}"')
        connection.execute(f'DROP ROLE IF EXISTS "{user}"')
        connection.execute(f"CREATE ROLE \"{user}\" LOGIN PASSWORD '{password}'")
        connection.execute(f'CREATE DATABASE "{name}" OWNER "{user}"')
    host = f"{server.hostname}:{server.port}"
    login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    file = tmp_path / "databases.toml"
    file.write_text(f'orders = "postgresql://${{LOGIN}}:${{PASSWORD}}@{host}/${{NAME}}"\n')
    for variable, value in {"LOGIN": user, "PASSWORD": password, "NAME": name}.items():
        monkeypatch.setenv(variable, value)
    source = bucket.put("s", CREATED)

    applied = command("apply", "-s", source, "-d", f"postgresql://{login}@{host}/{quote(name)}")
    status = command("status", "-s", source, "-d", file)

    assert applied[:2] == (0, f"{host}/{name}\tapplied\t001-person\n")
    assert status[:2] == (0, "orders\tup to date\n")


def test_object_whose_name_breaks_lines_is_refused(command, bucket, database):
    """Else it could add lines to a manifest."""
    code, _, said = command("apply", "-s", bucket.put("s", {"001\n.sql": "SELECT 1;"}), "-d", database.url)

    assert code == 2
    assert "has a character that cannot be printed: rename the file" in said
    assert said.count("\n") == 1


def test_copy_from_the_client_is_one_sentence(apply, database):
    code, said, _ = apply({"001-copy.sql": "CREATE TABLE person (id bigint);\nCOPY person FROM stdin;\n1\n\\.\n"})

    assert code == 1
    assert "COPY from or to the client is not possible in a migration: write INSERT" in said
    assert database.tables() == []
