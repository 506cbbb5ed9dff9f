"""Two servers; an extension, a server, a user mapping; a base table without a key; two partitions here, two there."""

import psycopg
import pytest

from scenarios.foreign_partitions import published

PARTITIONS = """
SELECT c.relname, c.relkind::text, pg_get_expr(c.relpartbound, c.oid), s.srvname
FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
LEFT JOIN pg_foreign_table f ON f.ftrelid = c.oid LEFT JOIN pg_foreign_server s ON s.oid = f.ftserver
WHERE inhparent = 'person'::regclass ORDER BY 1
"""


class TestSetUp:
    @pytest.mark.claim("fdw-1")
    @pytest.mark.parametrize("way_to_make", ["published", "corrected"])
    def test_two_partitions_are_local_and_two_foreign(self, way_to_make, made, servers, evidence):
        table = made(way_to_make)

        there = servers.second.peer_address("sql")
        ((options,),) = table.rows("SELECT srvoptions FROM pg_foreign_server WHERE srvname = %s", published.SERVER)
        assert {f"host={there.host}", f"port={there.port}", "dbname=postgres"} <= set(options)
        mapping = "SELECT srvname, umoptions[1] FROM pg_user_mappings WHERE usename = current_user"
        assert table.rows(mapping) == [(published.SERVER, "user=postgres")]
        assert table.rows("SELECT pg_get_partkeydef('person'::regclass)") == [("HASH (quarter)",)]
        partitions = table.rows(PARTITIONS)
        evidence.table(
            "partitions", [dict(zip(("name", "kind", "bound", "server"), row, strict=True)) for row in partitions]
        )
        assert partitions == [
            ("person_0", "r", "FOR VALUES WITH (modulus 4, remainder 0)", None),
            ("person_1", "r", "FOR VALUES WITH (modulus 4, remainder 1)", None),
            ("person_2", "f", "FOR VALUES WITH (modulus 4, remainder 2)", published.SERVER),
            ("person_3", "f", "FOR VALUES WITH (modulus 4, remainder 3)", published.SERVER),
        ]
        beyond = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"
        layout = [("person_layout",)] if way_to_make == "corrected" else []
        assert table.second.execute(beyond).fetchall() == [("person_2",), ("person_3",), *layout]


class TestPrimaryKey:
    """The base table can have none: three refusals."""

    WITH_KEY = "CREATE TABLE keyed (id BIGSERIAL, quarter BIGINT, PRIMARY KEY ({})) PARTITION BY HASH (quarter)"

    @pytest.mark.claim("fdw-4")
    def test_primary_key_needs_the_partition_column(self, made, evidence):
        with pytest.raises(psycopg.errors.FeatureNotSupported) as refused:
            made("published").first.execute(self.WITH_KEY.format("id"))

        evidence.text("the server's answer", str(refused.value))
        assert refused.value.diag.message_primary == (
            "unique constraint on partitioned table must include all partitioning columns"
        )

    @pytest.mark.claim("fdw-4")
    def test_primary_key_refuses_foreign_partitions(self, made, evidence):
        table = made("published")
        table.first.execute(self.WITH_KEY.format("id, quarter"))

        with pytest.raises(psycopg.errors.WrongObjectType) as refused:
            table.first.execute(
                """CREATE FOREIGN TABLE keyed_2 PARTITION OF keyed FOR VALUES WITH (MODULUS 4, REMAINDER 2)
                SERVER postgres_5"""
            )

        evidence.text("the server's answer", str(refused.value))
        assert refused.value.diag.message_primary == 'cannot create foreign partition of partitioned table "keyed"'
        assert refused.value.diag.message_detail == 'Table "keyed" contains indexes that are unique.'

    @pytest.mark.claim("fdw-4")
    def test_primary_key_cannot_be_added_later(self, made, evidence):
        with pytest.raises(psycopg.errors.WrongObjectType) as refused:
            made("published").first.execute("ALTER TABLE person ADD PRIMARY KEY (id, quarter)")

        evidence.text("the server's answer", str(refused.value))
        assert refused.value.diag.message_primary == 'cannot create unique index on partitioned table "person"'
        assert refused.value.diag.message_detail == 'Table "person" contains partitions that are foreign tables.'
