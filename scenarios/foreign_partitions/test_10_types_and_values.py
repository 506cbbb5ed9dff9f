"""Servers that hash, store or compare values differently, and what the library does about each."""

import contextlib
import datetime as dt
import decimal
import threading
import uuid
from dataclasses import replace
from typing import ClassVar

import psycopg
import pytest

from reference.foreign_partitions import (
    BadRow,
    Column,
    Conflict,
    Deployment,
    DirectRows,
    InTransaction,
    KeyTaken,
    Outbox,
    Partition,
    PartitionUnavailable,
    Rows,
    Table,
)
from scenarios.foreign_partitions.table import describe

# A type for a partition key, two values of it, and whether its hashes are the same on both servers.
KEYS = [
    *(("smallint", "1"), ("integer", "-7"), ("bigint", "12345678901"), ("numeric(10, 2)", "1.50"), ("real", "1.5")),
    *(("double precision", "1e100"), ("boolean", "t"), ("text", "\u00e9"), ("varchar(10)", "ab"), ("char(3)", "a")),
    *(('text COLLATE "C"', "Z"), ("name", "abc"), ("bytea", "\\x00ff"), ("uuid", str(uuid.UUID(int=5)))),
    *(("date", "2024-02-29"), ("time", "12:00"), ("timetz", "12:00+02"), ("timestamp(3)", "2024-02-29 12:00:00.123")),
    *(("timestamptz", "2024-02-29 12:00+02"), ("interval", "1 day"), ("inet", "192.0.2.1"), ("cidr", "192.0.2.0/24")),
    *(("macaddr", "08:00:2b:01:02:03"), ("macaddr8", "08:00:2b:01:02:03:04:05"), ("jsonb", '{"a": 1}')),
    *(("int4range", "[1,5)"), ("int4multirange", "{[1,5)}"), ("bigint[]", "{1,2}"), ("text[]", "{a,NULL}")),
    *(("oid", "7"), ("pg_lsn", "16/B374D848"), ("positive", "3"), ("pair", "(1,a)"), ("moneybag", "{}")),
]
TYPES = """
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE TYPE pair AS (a integer, b text);
CREATE DOMAIN moneybag AS text[]
"""


def table_of(key, **columns):
    columns = {"id": Column("bigint"), "k": Column(key), **{n: Column(t, null=True) for n, t in columns.items()}}
    return Table("t", columns, hash="k", identity="id", key=("id",))


@pytest.fixture
def described(servers):
    """A description of a table `t` of four partitions, two of them on the second server."""

    def describe_table(key, **columns):
        person = describe(servers.first, servers.second)
        partitions = [Partition(f"t_{n}", each.server) for n, each in enumerate(person.partitions)]
        return replace(person, table=table_of(key, **columns), partitions=partitions)

    return describe_table


@pytest.fixture
def both(servers):
    """Connections to both servers, each statement a transaction."""
    with (
        # A prepared statement would keep the types of a table that is made anew.
        psycopg.connect(servers.first.url, autocommit=True, prepare_threshold=None) as first,
        psycopg.connect(servers.second.url, autocommit=True) as second,
    ):
        yield first, second


@pytest.fixture
def other_database(servers, both):
    """Create a database on the second server, and describe the table with it instead of the default one there."""
    made = []

    def make(description, options, statements=""):
        both[1].execute(f"CREATE DATABASE other TEMPLATE template0 {options}")
        made.append("other")
        (server,) = description.servers
        if statements:
            with psycopg.connect(servers.second.url, dbname="other", autocommit=True) as connection:
                connection.execute(statements)
        return replace(description, servers=[replace(server, endpoint=replace(server.endpoint, database="other"))])

    yield make
    for name in made:
        both[1].execute(f"DROP DATABASE {name} WITH (FORCE)")


def refused(description):
    """Return the conflicts of a plan; `apply` must refuse it, too."""
    with Deployment(description) as deployment:
        conflicts = deployment.plan().conflicts
        with pytest.raises(Conflict):
            deployment.apply()
    return "; ".join(conflicts)


def tables(connection):
    return connection.execute("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace").fetchall()


@pytest.mark.claim("fdw-11")
class TestHashes:
    def test_each_partition_key_type_reaches_each_server(self, described, both, evidence):
        for connection in both:
            connection.execute(TYPES)
        seen = []
        for kind, value in KEYS:
            description = described(kind)
            with Deployment(description) as deployment:
                deployment.apply()
                assert deployment.plan().changes == [], kind
                assert deployment.plan().conflicts == [], kind
            rows = Rows(both[0], description)
            (number,) = rows.reserve()
            assert rows.insert({"id": number, "k": value})
            assert not rows.insert({"id": number, "k": value}), kind
            found = both[0].execute("SELECT tableoid::regclass::text, k = k FROM t").fetchone()
            seen.append({"type": kind, "value": value, "partition": found[0]})
            for connection in both:
                connection.execute("DROP TABLE t CASCADE")
        evidence.table("one row of each type", seen)
        assert {each["partition"] for each in seen} == {"t_0", "t_1", "t_2", "t_3"}

    @pytest.mark.parametrize("key", ["mood", "mood[]", "moody", "moods", "moodrange", "regclass"])
    def test_keys_hashed_by_oid_are_refused_at_plan(self, key, described, both):
        for number, connection in enumerate(both):
            connection.execute(
                f"""{"CREATE TYPE first AS ENUM ('x');" * number} CREATE TYPE mood AS ENUM ('a', 'b');
                CREATE DOMAIN moody AS mood; CREATE TYPE moods AS (a mood, b text);
                CREATE TYPE moodrange AS RANGE (SUBTYPE = mood)"""
            )

        assert "hashes by a number that each server assigns itself" in refused(described(key))
        assert ("t_0",) not in tables(both[0])
        assert ("t",) not in tables(both[1])

    def test_key_of_another_encoding_is_refused_at_plan(self, described, both, other_database):
        description = other_database(described("text"), "ENCODING 'LATIN1' LOCALE 'C'")

        assert "encoded in LATIN1, the base in UTF8" in refused(description)
        assert tables(both[0]) == []

    def test_another_default_collation_is_refused_at_plan(self, described, both, other_database):
        options = "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"

        conflicts = refused(other_database(described("text"), options))
        assert "the collation default is builtin C.UTF-8 version 1, and on the base libc C.UTF-8: " in conflicts
        assert tables(both[0]) == []

    def test_ambiguous_collation_name_is_refused(self, described, both):
        for connection, locale in zip(both, ("C", "C.UTF-8"), strict=True):
            connection.execute(f"CREATE COLLATION mine (provider = builtin, locale = '{locale}')")

        assert "the collation mine is builtin C.UTF-8 version 1, and on the base C:" in refused(
            described("text COLLATE mine")
        )

    def test_c_collation_works_over_different_defaults(self, described, other_database):
        options = "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"
        description = other_database(described('text COLLATE "C"'), options)

        with Deployment(description) as deployment:
            deployment.apply()
            assert deployment.verify().sound

    def test_ambiguous_type_name_is_refused(self, described, both):
        for connection, field in zip(both, ("integer", "bigint"), strict=True):
            connection.execute(f"CREATE TYPE pair AS (a {field}, b text)")

        assert "the type public.pair is composite (a bigint, b text)" in refused(described("pair"))
        assert "the type public.pair is composite" in refused(described("bigint", v="pair"))

    def test_operator_class_of_another_hash_is_refused(self, described, both):
        for connection, seed in zip(both, ("0", "1"), strict=True):
            connection.execute(
                f"""CREATE TYPE odd; CREATE FUNCTION odd_in(cstring) RETURNS odd IMMUTABLE STRICT LANGUAGE internal
                AS 'int8in'; CREATE FUNCTION odd_out(odd) RETURNS cstring IMMUTABLE STRICT LANGUAGE internal
                AS 'int8out'; CREATE TYPE odd (INPUT = odd_in, OUTPUT = odd_out, LIKE = bigint);
                CREATE CAST (odd AS bigint) WITHOUT FUNCTION;
                CREATE FUNCTION odd_eq(odd, odd) RETURNS bool IMMUTABLE STRICT LANGUAGE internal AS 'int8eq';
                CREATE OPERATOR = (LEFTARG = odd, RIGHTARG = odd, FUNCTION = odd_eq, HASHES);
                CREATE FUNCTION odd_hash(odd) RETURNS int IMMUTABLE STRICT LANGUAGE internal AS 'hashint8';
                CREATE FUNCTION odd_hash(odd, bigint) RETURNS bigint IMMUTABLE STRICT LANGUAGE sql
                AS 'SELECT hashint8extended($1::bigint + {seed}, $2)';
                CREATE OPERATOR CLASS odd_ops DEFAULT FOR TYPE odd USING hash AS OPERATOR 1 =,
                FUNCTION 1 odd_hash(odd), FUNCTION 2 odd_hash(odd, bigint)"""
            )

        assert "hashes otherwise there (type public.odd, for instance '0')" in refused(described("odd"))

    @pytest.mark.parametrize("key", ["json", "point", "xml"])
    def test_unhashable_key_is_refused_at_plan(self, key, described):
        assert f"base: {key} has no hash function" in refused(described(key))

    @pytest.mark.parametrize("kind", ["nosuch", "bigint bigint", 'text COLLATE "nosuch"', "text(3)"])
    def test_unknown_type_is_refused_at_plan(self, kind, described):
        with pytest.raises(Conflict, match=r"knows no type|is not a type"), Deployment(described(kind)) as deployment:
            deployment.apply()


@pytest.mark.claim("fdw-7")
class TestLostRows:
    @pytest.fixture
    def rows(self, described, both):
        description = described("bigint", note="text", price="numeric")
        with Deployment(description) as deployment:
            deployment.apply()
        return Rows(both[0], description)

    @pytest.mark.parametrize("number", [1, 7, 1_000_000])
    @pytest.mark.parametrize("kind", [int, str, decimal.Decimal, float])
    def test_brought_number_advances_the_sequence(self, rows, number, kind):
        """A file's numbers are texts."""
        rows.insert({"id": kind(number), "k": 2, "note": "brought"})

        assert rows.reserve(2) == [number + 1, number + 2]
        rows.insert({"k": 2, "note": "drawn"})
        assert sorted(each["note"] for each in rows.find(k=2)) == ["brought", "drawn"]

    def test_lower_number_leaves_the_sequence_alone(self, rows):
        assert rows.reserve(5) == [1, 2, 3, 4, 5]
        Rows(rows.connection, rows.description).insert({"id": 3, "k": 2})

        assert rows.reserve() == [6]

    @pytest.mark.parametrize("key", [1, 2], ids=["local", "foreign"])
    @pytest.mark.parametrize("other", [{"note": "b"}, {"note": None}, {}, {"note": "a", "price": 2}])
    def test_conflict_of_another_content_is_an_error(self, rows, key, other):
        row = {"id": 9, "k": key, "note": "a", "price": 1}
        rows.insert(row)

        with pytest.raises(KeyTaken, match="another row of t has id 9"):
            rows.insert({"id": 9, "k": key, **other})
        assert not rows.insert({**row, "price": decimal.Decimal("1.00")})
        assert rows.find(k=key) == [row]

    def test_unknown_column_is_refused(self, rows):
        with pytest.raises(BadRow, match="colour is no column of t: it has id, k, note, price"):
            rows.insert({"k": 2, "colour": "red"})

    def test_sequence_behind_the_rows_is_an_error(self, rows):
        rows.connection.execute("INSERT INTO t OVERRIDING SYSTEM VALUE VALUES (1, 2, 'there', 1), (2, 2, 'there', 2)")

        with Deployment(rows.description) as deployment:
            assert "the sequence of id is at 0, below the highest number 2" in deployment.verify().conflicts[0]
        with pytest.raises(KeyTaken, match="the number that was drawn"):
            rows.insert({"k": 2, "note": "drawn"})
        assert [each["note"] for each in rows.find(k=2)] == ["there", "there"]


@pytest.mark.claim("fdw-7")
class TestEqualAnswers:
    @pytest.fixture
    def zones(self, both):
        """The servers in different time zones."""
        for connection, zone in zip(both, ("America/New_York", "Asia/Tokyo"), strict=True):
            connection.execute(f"ALTER DATABASE postgres SET timezone = '{zone}'")

    @pytest.mark.parametrize("key", ["timestamptz", "timestamp", "date"])
    def test_direct_lookup_of_a_time_equals_the_bases(self, key, described, servers, zones):
        description = described(key)
        with Deployment(description) as deployment:
            deployment.apply()
        with psycopg.connect(servers.first.url, autocommit=True) as base, DirectRows(base, description) as direct:
            rows = Rows(base, description)
            naive = [dt.datetime(2024, 1, day, 23, 30) for day in range(1, 9)]  # noqa: DTZ001
            times = [each.date() for each in naive] if key == "date" else naive
            for time in times:
                rows.insert({"k": time})
            for zone in ("America/New_York", "Asia/Kolkata"):
                base.execute(f"SET timezone = '{zone}'")
                aware = [] if key == "date" else [each.replace(tzinfo=dt.UTC) for each in naive]
                for value in [*times, *aware, *times]:
                    assert direct.find(k=value) == rows.find(k=value), (zone, value)

    @pytest.mark.parametrize(
        ("key", "values"),
        [
            ("timetz", [dt.time(12, tzinfo=dt.UTC), dt.time(13, tzinfo=dt.timezone(dt.timedelta(hours=1)))]),
            ("text[]", [["a", "b"], ["c"], ["d"]]),
            ("text", ["1", "\u00e9", ""]),
            ("numeric", [1, decimal.Decimal("1.0"), decimal.Decimal("2.50")]),
            ("boolean", [True, False]),
            ("real", [0.1, 0.5, 1]),
            ("float(24)", [0.1]),
            ("double precision", [0.1, 0.5]),
            ("bytea", [b"", b"\x00"]),
        ],
    )
    def test_direct_lookup_of_any_value_equals_the_bases(self, key, values, described, both):
        description = described(key)
        with Deployment(description) as deployment:
            deployment.apply()
        rows = Rows(both[0], description)
        for value in values:
            rows.insert({"k": value})
        with DirectRows(both[0], description) as direct:
            for value in [*values, *reversed(values)]:
                found = rows.find(k=value)
                assert found
                assert direct.find(k=value) == found

    def test_find_by_none_finds_null(self, described, both):
        description = described("bigint", note="text")
        with Deployment(description) as deployment:
            deployment.apply()
        rows = Rows(both[0], description)
        for key in range(1, 5):
            rows.insert({"k": key, "note": None})
            rows.insert({"k": key, "note": "x"})
        with DirectRows(both[0], description) as direct:
            for key in range(1, 5):
                (found,) = rows.find(k=key, note=None)
                assert found["note"] is None
                assert direct.find(k=key, note=None) == [found]
            assert direct.find(k=None) == rows.find(k=None) == []


@pytest.mark.claim("fdw-1")
class TestDrift:
    @pytest.fixture
    def deployment(self, described):
        with Deployment(described("bigint", note="text")) as deployment:
            deployment.apply()
            yield deployment

    def test_second_apply_keeps_a_nullable_identity(self, described):
        description = described("bigint")
        columns = {name: replace(column, null=name == "id") for name, column in description.table.columns.items()}
        with Deployment(replace(description, table=replace(description.table, columns=columns))) as deployment:
            deployment.apply()
            assert deployment.apply().changes == []

    @pytest.mark.parametrize(
        ("host", "statement", "found"),
        [
            (0, "ALTER FOREIGN TABLE t_2 OPTIONS (ADD table_name 't_3')", "DROP table_name"),
            (0, "ALTER FOREIGN TABLE t_2 ALTER note OPTIONS (ADD column_name 'k')", "DROP column_name"),
            (0, "ALTER SERVER postgres_5 OPTIONS (ADD updatable 'false')", 'DROP "updatable"'),
            (0, "ALTER TABLE t ADD CONSTRAINT positive CHECK (k > 0)", 'ADD CONSTRAINT "positive"'),
            (0, "ALTER FOREIGN TABLE t_2 ADD CONSTRAINT positive CHECK (k > 0)", 'ADD CONSTRAINT "positive"'),
            (1, "ALTER TABLE t ALTER id ADD GENERATED BY DEFAULT AS IDENTITY", "DROP IDENTITY"),
            (0, "ALTER TABLE t ALTER id SET GENERATED BY DEFAULT", "SET GENERATED ALWAYS"),
            (1, "ALTER TABLE t_2 SET UNLOGGED", "SET LOGGED"),
            (0, "ALTER TABLE t_0 SET UNLOGGED", "SET LOGGED"),
            (1, "UPDATE t_layout SET layout = 'another'", "UPDATE"),
            (1, "DELETE FROM t_layout", "INSERT INTO"),
            (1, "DROP TABLE t_layout", "CREATE TABLE"),
        ],
    )
    def test_drift_is_seen_and_repaired(self, host, statement, found, deployment, both):
        both[host].execute(statement)

        assert found.replace("table_name", '"table_name"') in "; ".join(deployment.verify().drift)
        deployment.apply()
        assert deployment.verify().sound

    def test_check_holds_in_foreign_partitions(self, deployment, both):
        both[0].execute("ALTER TABLE t ADD CONSTRAINT positive CHECK (k > 0)")
        deployment.apply()

        for key in range(-8, 0):
            with pytest.raises(psycopg.errors.CheckViolation, match="positive"):
                both[0].execute("INSERT INTO t (k) VALUES (%s)", [key])

    @pytest.mark.parametrize("host", [0, 1])
    def test_generated_column_is_a_conflict(self, host, deployment, both):
        both[host].execute("ALTER TABLE t DROP note")
        both[host].execute("ALTER TABLE t ADD note text GENERATED ALWAYS AS (k::text) STORED")

        assert "column note of t is generated" in "; ".join(deployment.verify().conflicts)

    @pytest.mark.parametrize(("host", "table"), [(0, "t_0"), (1, "t_2")])
    def test_rule_that_loses_rows_is_a_conflict(self, host, table, deployment, both):
        both[host].execute(f"CREATE RULE loses AS ON INSERT TO {table} DO INSTEAD NOTHING")

        assert f"{table} has rules, which may turn an INSERT into nothing" in "; ".join(deployment.verify().conflicts)

    def test_leaf_of_another_schemas_table_is_a_conflict(self, deployment, both):
        both[1].execute(
            """ALTER TABLE t DETACH PARTITION t_2; CREATE SCHEMA archive;
            CREATE TABLE archive.t (LIKE public.t) PARTITION BY HASH (k);
            ALTER TABLE archive.t ATTACH PARTITION t_2 FOR VALUES WITH (MODULUS 4, REMAINDER 2)"""
        )

        assert "t_2 is a partition of archive.t" in "; ".join(deployment.verify().conflicts)
        both[1].execute("DROP SCHEMA archive CASCADE")

    def test_verify_of_a_dropped_remote_table_names_it(self, deployment, both):
        both[1].execute("DROP TABLE t_2")

        report = deployment.verify()
        assert any("CREATE TABLE" in each and '"t_2"' in each for each in report.drift)
        assert any("t_2 cannot be read: " in each for each in report.conflicts)
        assert set(report.rows) == {"t_0", "t_1", "t_3"}
        deployment.apply()
        assert deployment.verify().sound

    def test_applies_at_once_wait_for_each_other(self, described, both):
        errors = []

        def apply():
            try:
                with Deployment(described("bigint")) as deployment:
                    deployment.apply()
            except Exception as error:  # noqa: BLE001 whatever it is belongs to the test
                errors.append(error)

        threads = [threading.Thread(target=apply) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

        assert errors == []
        with Deployment(described("bigint")) as deployment:
            assert deployment.verify().sound

    def test_apply_says_that_another_one_does_not_end(self, described, both):
        with (
            contextlib.ExitStack() as stack,
            Deployment(described("bigint")) as slow,
            Deployment(described("bigint"), lock_timeout=1) as waiting,
        ):
            stack.enter_context(slow.locked())
            with pytest.raises(Conflict, match="another apply or rebalance has been under way for 1 s"):
                waiting.apply()


@pytest.mark.claim("fdw-7")
class TestOutboxValues:
    VALUES: ClassVar = {
        "at": ("timestamptz", dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC)),
        "naive": ("timestamptz", dt.datetime(2024, 1, 1, 12)),  # noqa: DTZ001
        "day": ("date", dt.date(2024, 12, 31)),
        "span": ("interval", dt.timedelta(days=-1, seconds=5)),
        "price": ("numeric(10, 2)", decimal.Decimal("1.10")),
        "exact": ("numeric", decimal.Decimal("NaN")),
        "ref": ("uuid", uuid.UUID(int=5)),
        "raw": ("bytea", b"\x00\xff"),
        "doc": ("jsonb", '{"a": 1}'),
        "plain": ("json", "[1,  2]"),
        "wrapped": ("jsonb", psycopg.types.json.Jsonb({"a": [None, "x"]})),
        "words": ("text[]", ["a", None, "it's", '"', "NULL"]),
        "numbers": ("bigint[]", [1, 2]),
        "inexact": ("double precision", 0.1 + 0.2),
        "text": ("text", 'a\\b\n"\u00e9\U0001f600'),
        "code": ("char(3)", "a"),
        "flag": ("boolean", True),
        "none": ("text", None),
    }

    @pytest.mark.parametrize("style", ["ISO, MDY", "SQL, DMY", "German"])
    def test_outbox_carries_what_insert_takes(self, style, described, servers):
        description = described("bigint", **{name: kind for name, (kind, _) in self.VALUES.items()})
        with Deployment(description) as deployment:
            deployment.apply()
        values = {name: value for name, (_, value) in self.VALUES.items()}
        with psycopg.connect(servers.first.url, autocommit=True) as connection:
            connection.execute(
                f"SET datestyle = '{style}'; SET extra_float_digits = -3; SET intervalstyle = 'sql_standard'"
            )
            rows, outbox = Rows(connection, description), Outbox(connection, description)
            outbox.create()
            rows.insert({"k": 2, **values})
            with connection.transaction():
                outbox.put([{"k": 2, **values}])
                assert connection.execute("SHOW datestyle").fetchone()[0].startswith(style.split(",")[0])
        with psycopg.connect(servers.first.url, autocommit=True) as connection:
            assert Outbox(connection, description).deliver() == 1
            columns = ", ".join(f"{name}::text" for name in values)
            there = connection.execute(f"SELECT {columns} FROM t ORDER BY id").fetchall()
        assert there[0] == there[1]

    def test_refused_row_is_set_aside_by_the_outbox(self, described, both, caplog):
        description = described("bigint", code="varchar(3)")
        with Deployment(description) as deployment:
            deployment.apply()
            outbox = Outbox(both[0], description)
            outbox.create()
            bad, good = outbox.put([{"k": 2, "code": "too long"}, {"k": 2, "code": "abc"}])

            assert outbox.deliver() == 1
            assert both[0].execute("SELECT id, code FROM t").fetchall() == [(good, "abc")]
            (aside,) = outbox.set_aside()
            assert aside.row["id"] == str(bad)
            assert "value too long" in aside.error
            assert "is set aside: value too long" in caplog.text
            assert "1 rows of the outbox are set aside" in deployment.verify().conflicts[0]
            both[0].execute('UPDATE t_outbox SET row = row || \'{"code": "ok"}\'')
            assert outbox.retry() == 1
            assert outbox.deliver() == 1
            assert deployment.verify().sound


@pytest.mark.claim("fdw-7")
class TestOutboxDelivery:
    FOREIGN, LOCAL = 2, 1  # values of the partition key

    @pytest.fixture
    def description(self, described):
        with Deployment(described("bigint", note="text")) as deployment:
            deployment.apply()
            return deployment.description

    @pytest.fixture
    def outbox(self, both, description):
        outbox = Outbox(both[0], description)
        outbox.create()
        return outbox

    def test_two_deliveries_at_once_insert_each_row_once(self, outbox, servers, both, gate, background):
        outbox.put([{"k": self.FOREIGN, "note": "a"}])
        gate.shut("t_2")
        slow = background(outbox.deliver)
        gate.reached()

        delivered = []
        connection = psycopg.connect(servers.first.url, autocommit=True)
        other = background(lambda: delivered.append(Outbox(connection, outbox.description).deliver()))
        try:
            assert other.result(within=10) is None
            assert delivered == [0]
        finally:
            gate.open()  # else a delivery that waits for the other one would never end
            other.result(within=10)
            connection.close()

        assert slow.result(within=10) is None
        assert both[0].execute("SELECT note FROM t").fetchall() == [("a",)]
        assert outbox.deliver() == 0

    def test_outbox_delivers_past_a_server_that_is_down(self, outbox, servers, both):
        outbox.put([{"k": self.FOREIGN, "note": "far"}, {"k": self.LOCAL, "note": "near"}])
        servers.second.kill()

        with pytest.raises(PartitionUnavailable):
            outbox.deliver()

        assert both[0].execute("SELECT note FROM t WHERE k = %s", [self.LOCAL]).fetchall() == [("near",)]
        servers.second.restart()
        assert outbox.deliver() == 1
        assert sorted(both[0].execute("SELECT note FROM t").fetchall()) == [("far",), ("near",)]

    def test_rows_of_a_generator_are_put(self, outbox, both):
        notes = ["a", "b"]

        assert len(outbox.put({"k": self.LOCAL, "note": note} for note in notes)) == 2
        assert outbox.deliver() == 2
        assert both[0].execute("SELECT note FROM t ORDER BY note").fetchall() == [("a",), ("b",)]

    def test_put_is_undone_with_the_callers_transaction(self, outbox, both):
        with both[0].transaction(force_rollback=True):
            outbox.put([{"k": self.LOCAL, "note": "a"}])

        assert outbox.deliver() == 0
        assert both[0].execute("SELECT count(*) FROM t").fetchall() == [(0,)]

    def test_delivery_within_a_transaction_is_refused(self, outbox, both):
        outbox.put([{"k": self.LOCAL}])

        with both[0].transaction(), pytest.raises(InTransaction, match="commit or roll back first"):
            outbox.deliver()
        assert outbox.deliver() == 1
