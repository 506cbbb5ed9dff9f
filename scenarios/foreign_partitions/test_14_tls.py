"""TLS on each way that a row takes: from an operator to either server, and from the base to the second one."""

from dataclasses import replace
from types import SimpleNamespace

import psycopg
import pytest
import trustme
from psycopg import sql
from typer.testing import CliRunner

from reference.foreign_partitions import Deployment, DirectRows, Rows, Secret
from reference.foreign_partitions.cli import app
from reference.foreign_partitions.connecting import connect
from reference.foreign_partitions.description import Login
from reference.foreign_partitions.errors import PartitionUnavailable, Unreachable
from scenarios.foreign_partitions.table import EMPTY, PERSON, describe, written

OWN = "SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
OF_THE_BASE = """SELECT DISTINCT usename::text, version, client_dn FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
    WHERE application_name = 'postgres_fdw'"""
FOREIGN = 2  # a quarter of a partition of the second server
TLS = "TLSv1.3"
ANYHOW = {"sslmode": "prefer", "sslrootcert": ""}  # of an operator, whatever the base has
REFUSED = "certificate verify failed"
UNENCRYPTED = "no encryption"


def kept(path, text):
    path.write_text(text)
    path.chmod(0o600)
    return str(path)


@pytest.fixture
def servers(environment, tmp_path):
    """Two empty servers with TLS, the files of their authority, and those of another one.

    `authority` and `stranger` are files of operators', `base_authority` and `base_stranger` the same on the first
    server, for its connections to the second.
    """
    first, second = environment["first-tls"], environment["second-tls"]
    for server in (first, second):
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("SET client_min_messages = warning")
            connection.execute(EMPTY)
    stranger = trustme.CA().cert_pem.bytes().decode()
    base_stranger = str(first.place.data / "stranger.pem")
    with psycopg.connect(first.url, autocommit=True) as connection:
        lines = sql.Literal(stranger.strip())
        copy = "COPY (SELECT unnest(string_to_array({}, E'\\n'))) TO {}"
        connection.execute(sql.SQL(copy).format(lines, sql.Literal(base_stranger)))
    return SimpleNamespace(
        first=first,
        second=second,
        authority=kept(tmp_path / "authority.pem", first.service.authority(first)),
        stranger=kept(tmp_path / "stranger.pem", stranger),
        base_authority=str(first.place.configuration / "authority.pem"),
        base_stranger=base_stranger,
    )


@pytest.fixture
def described(servers):
    """Return a function that describes the table, with TLS as an operator has it and as the base has it."""

    def described(operators, base, **options):
        found = describe(servers.first, servers.second, settings=base, **options)
        (server,) = found.servers
        return replace(
            found,
            base=replace(found.base, tls=operators),
            servers=[replace(server, endpoint=replace(server.endpoint, tls=operators))],
        )

    return described


@pytest.fixture
def verified(servers, described):
    """The description by which every way is encrypted, and certificates are verified."""
    operators = {"sslmode": "verify-full", "sslrootcert": servers.authority}
    return described(operators, {"sslmode": "verify-full", "sslrootcert": servers.base_authority})


@pytest.fixture
def base(servers, verified):
    """A connection to the base of a table with one row on the second server; it makes a new connection there."""
    with Deployment(verified) as deployment:
        deployment.apply()
    with psycopg.connect(servers.first.url, autocommit=True) as base:
        Rows(base, verified).insert({"quarter": FOREIGN, **PERSON})
        yield base


def on_the_way(name, endpoint):
    """Return the version of TLS of a connection, or its refusal."""
    try:
        with connect(name, endpoint, timeout=5) as connection:
            return connection.execute(OWN).fetchall()[0][0]
    except Unreachable as error:
        return str(error)


def between(servers, base, description):
    """Return the version of TLS of the base's connection to the second server, or its refusal."""
    with Deployment(description) as deployment:
        deployment.apply()
    base.execute("SELECT postgres_fdw_disconnect_all()")
    try:
        assert len(Rows(base, description).find(quarter=FOREIGN)) == 1
    except PartitionUnavailable as error:
        return str(error)
    with psycopg.connect(servers.second.url) as second:
        ((_, version, _),) = second.execute(OF_THE_BASE).fetchall()
    return version


class TestEachWay:
    """Each row of the table: settings, and what they give on each of the three ways."""

    @pytest.fixture
    def rows(self, servers):
        """The settings by name: those of operators, and those of the base, whose files are others."""

        def both(mode, **files):
            chosen = [
                {"sslrootcert": getattr(servers, prefix + files["root"])} if files else {} for prefix in ("", "base_")
            ]
            return [{"sslmode": mode, **each} for each in chosen]

        return {
            "disable": both("disable"),
            "prefer": both("prefer"),
            "require": both("require"),
            "require, another authority's certificate": both("require", root="stranger"),
            "verify-ca": both("verify-ca", root="authority"),
            "verify-full": both("verify-full", root="authority"),
            "verify-full, another authority's certificate": both("verify-full", root="stranger"),
        }

    @pytest.mark.claim("fdw-13")
    def test_require_encrypts_and_verify_full_verifies(self, servers, base, rows, described, evidence):
        """A file of an authority makes `require` verify the certificate, too: so libpq has it."""
        found = {}
        for name, (operators, settings) in rows.items():
            description = described(operators, {})
            (server,) = description.servers
            found[name] = (
                on_the_way("base", description.base),
                on_the_way("postgres_5", server.admin_endpoint),
                between(servers, base, described(ANYHOW, settings)),
            )

        titles = ("to the base", "to the second server", "from the base to the second server")
        table = [{"sslmode": name, **dict(zip(titles, ways, strict=True))} for name, ways in found.items()]
        evidence.table("what a connection is, by its settings", table)
        assert [name for name, ways in found.items() if ways == (TLS,) * 3] == [
            "prefer",
            "require",
            "verify-ca",
            "verify-full",
        ]
        for name, reason in {
            "disable": UNENCRYPTED,
            "require, another authority's certificate": REFUSED,
            "verify-full, another authority's certificate": REFUSED,
        }.items():
            assert [reason in sentence and "\n" not in sentence for sentence in found[name]] == [True] * 3, found[name]

    @pytest.mark.claim("fdw-13")
    def test_verify_full_refuses_another_name(self, servers, base, described, verified):
        """The certificates are for the names of the servers, and for 127.0.0.1."""
        tls = verified.base.tls
        assert "does not match host name" in on_the_way("base", replace(verified.base, host="localhost"))
        assert on_the_way("base", replace(verified.base, host="localhost", tls={**tls, "sslmode": "verify-ca"})) == TLS

        (server,) = verified.servers
        with psycopg.connect(servers.second.url) as second:
            address = second.execute("SELECT host(inet_server_addr())").fetchall()[0][0]
        elsewhere = replace(server, endpoint=replace(server.endpoint, host=address))
        sentence = between(servers, base, replace(verified, servers=[elsewhere]))
        assert "server certificate for" in sentence
        assert "does not match host name" in sentence


@pytest.mark.claim("fdw-13")
def test_lookup_past_the_base_is_encrypted(base, verified):
    with DirectRows(base, verified) as direct:
        (row,) = direct.find(quarter=FOREIGN)
        (found,) = direct.connection("postgres_5").execute(OWN).fetchall()

    assert row["name"] == PERSON["name"]
    assert found == (TLS,)
    assert direct.bypassed == 1


@pytest.fixture
def command(servers, described, tmp_path):
    """Return a function that runs the command on a file with the given TLS of operators and of the base."""

    def run(verb, operators, base):
        path = written(described(operators, base), tmp_path / "person.json")
        done = CliRunner(env={"PASSWORD": servers.first.service.password}).invoke(app, [verb, str(path)])
        return done.exit_code, done.stdout, done.stderr

    return run


@pytest.mark.claim("fdw-13")
def test_command_verifies_and_says_why_not(servers, command):
    mine = {"sslmode": "verify-full", "sslrootcert": servers.authority}
    of_the_base = {"sslmode": "verify-full", "sslrootcert": servers.base_authority}

    assert command("apply", mine, of_the_base)[0] == 0
    assert command("verify", mine, of_the_base)[0] == 0
    for operators, base, reason in [
        ({"sslmode": "disable"}, of_the_base, UNENCRYPTED),
        ({**mine, "sslrootcert": servers.stranger}, of_the_base, REFUSED),
        # The file is of the base; an operator has none of that name.
        ({}, of_the_base, f'root certificate file "{servers.base_authority}" does not exist'),
    ]:
        code, output, error = command("verify", operators, base)
        assert (code, output, error.count("\n")) == (3, "", 1), error
        assert error.startswith("foreign-partitions: postgres_5 (")
        assert reason in error
    for base, reason in [
        ({"sslmode": "disable"}, UNENCRYPTED),
        ({**mine, "sslrootcert": servers.base_stranger}, REFUSED),
    ]:
        assert command("apply", mine, base)[0] == 0
        code, _, error = command("verify", mine, base)
        assert (code, error.count("\n")) == (3, 1), error
        assert 'could not connect to server "postgres_5"' in error
        assert reason in error


@pytest.mark.claim("fdw-13")
def test_login_shows_its_certificate(servers, base, verified):
    """The second server demands one of `reader`, and the base's mapping of a role may name it."""
    (server,) = verified.servers
    folder = servers.first.place.configuration
    shown = {"sslcert": str(folder / "reader.pem"), "sslkey": str(folder / "reader.key")}
    roles = {"clerk": Login("reader", Secret("reading"), shown), "stranger": Login("reader", Secret("reading"))}
    with psycopg.connect(servers.second.url, autocommit=True) as second:
        second.execute("CREATE ROLE reader LOGIN PASSWORD 'reading'")
        second.execute("GRANT USAGE ON SCHEMA public TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
        base.execute("CREATE ROLE clerk; CREATE ROLE stranger")
        base.execute("GRANT USAGE ON SCHEMA public TO clerk, stranger; GRANT SELECT ON person TO clerk, stranger")
        try:
            with Deployment(replace(verified, servers=[replace(server, roles=roles)])) as deployment:
                deployment.apply()
                again = deployment.plan()
            count = "SELECT count(*) FROM person WHERE quarter = 2"
            base.execute("SET ROLE clerk")
            assert base.execute(count).fetchall() == [(1,)]
            (shown_by,) = [names for user, _, names in second.execute(OF_THE_BASE) if user == "reader"]
            assert shown_by.endswith("/CN=reader")
            base.execute("SET ROLE stranger")
            with pytest.raises(psycopg.OperationalError, match="connection requires a valid client certificate"):
                base.execute(count)
            base.execute("RESET ROLE")
        finally:
            base.execute("RESET ROLE")
            base.execute("SELECT postgres_fdw_disconnect_all()")
            for role in roles:
                base.execute(f"DROP USER MAPPING IF EXISTS FOR {role} SERVER postgres_5")
            base.execute("DROP OWNED BY clerk, stranger; DROP ROLE clerk, stranger")
            second.execute("DROP OWNED BY reader; DROP ROLE reader")

    assert (again.changes, again.conflicts) == ([], [])
