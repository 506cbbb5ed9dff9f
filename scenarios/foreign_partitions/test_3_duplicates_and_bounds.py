"""Wrong rows that a table without key and remote bounds accepts, and the constraints that refuse them."""

import psycopg
import pytest

from scenarios.foreign_partitions.table import BELONGS, INSERT, PERSON

ROW = {"id": 1, "quarter": 2, **PERSON}
COUNT = "SELECT count(*) FROM person WHERE id = 1"


class TestDuplicates:
    """A client that got no answer repeats its insert."""

    @pytest.mark.claim("fdw-5", "duplicates", shows="published", fails_with=r"assert \[\(1,\)\] == \[\(2,\)\]")
    @pytest.mark.parametrize("quarter", [1, 2])
    def test_nothing_stops_duplicates(self, table, quarter):
        for _ in range(2):
            table.insert_again({**ROW, "quarter": quarter})

        assert table.rows(COUNT) == [(2,)]

    @pytest.mark.claim(
        "fdw-5",
        "numbers",
        shows="published",
        fails_with="^NotNullViolation: null value in column .id. of relation .person_2. violates",
    )
    def test_both_servers_number_rows_from_one(self, table):
        table.first.execute(INSERT.format(", ".join(["quarter", *PERSON]), "2, '', '', ''"))
        table.second.execute(
            INSERT.format(", ".join(["quarter", *PERSON]), "2, '', '', ''").replace("person", "person_2")
        )

        assert table.rows("SELECT id FROM person") == [(1,), (1,)]

    @pytest.mark.claim("fdw-5", "duplicates", shows="corrected", fails_with=r"assert \[\(2,\)\] == \[\(1,\)\]")
    @pytest.mark.parametrize("quarter", [1, 2])
    def test_key_on_the_leaf_stops_duplicates(self, table, quarter, evidence):
        for _ in range(2):
            table.insert_again({**ROW, "quarter": quarter})

        assert table.rows(COUNT) == [(1,)]
        with pytest.raises(psycopg.errors.UniqueViolation) as refused:
            table.first.execute(f"INSERT INTO person OVERRIDING SYSTEM VALUE VALUES (1, {quarter}, '', '', '')")
        evidence.text("the server's answer", str(refused.value))
        assert f'"{BELONGS[quarter]}_pkey"' in str(refused.value)

    @pytest.mark.claim("fdw-5", "numbers", shows="corrected", fails_with="DID NOT RAISE .*NotNullViolation")
    def test_only_the_base_sequence_numbers_rows(self, table, evidence):
        with pytest.raises(psycopg.errors.NotNullViolation) as beyond:
            table.second.execute("INSERT INTO person_2 (quarter, name, address, customer_id) VALUES (2, '', '', '')")
        with pytest.raises(psycopg.errors.GeneratedAlways) as chosen:
            table.first.execute(INSERT.format(", ".join(ROW), "1, 2, '', '', ''"))

        evidence.text("the servers' answers", f"{beyond.value}\n{chosen.value}")


class TestBounds:
    """A row that belongs to another partition is inserted on the second server directly."""

    INSERT = "INSERT INTO person_2 VALUES (7, 1, '', '', '')"

    @pytest.mark.claim(
        "fdw-6",
        shows="published",
        fails_with="^CheckViolation: new row for relation .person_2. violates partition constraint",
    )
    def test_misplaced_row_is_missed_by_pruned_queries(self, table):
        table.second.execute(self.INSERT)

        assert table.rows("SELECT count(*) FROM person") == [(1,)]
        assert table.rows("SELECT id, quarter FROM person") == [(7, 1)]
        assert table.rows("SELECT id FROM person WHERE quarter = 1") == []
        assert table.misplaced()["person_2"] == 1

    @pytest.mark.claim("fdw-6", shows="corrected", fails_with="DID NOT RAISE .*CheckViolation")
    def test_remote_refuses_a_misplaced_row(self, table, evidence):
        with pytest.raises(psycopg.errors.CheckViolation) as refused:
            table.second.execute(self.INSERT)

        evidence.text("the server's answer", str(refused.value))
        assert 'new row for relation "person_2" violates partition constraint' in str(refused.value)


class TestMoving:
    """A person's quarter changes: the row belongs to another partition."""

    @pytest.mark.claim("fdw-8", shows="published", fails_with=r"assert \[\('person_0', 1\)\] == \[\('person_2', 1\)\]")
    def test_update_of_the_key_misplaces_the_row(self, table, evidence):
        table.insert_again(ROW)

        assert table.move(1, quarter=2, to=1) == 1

        where = table.rows("SELECT tableoid::regclass::text, quarter FROM person")
        evidence.json("after UPDATE 1", where)
        assert where == [("person_2", 1)]
        assert table.rows("SELECT id FROM person WHERE quarter = 1") == []

    @pytest.mark.claim("fdw-8", shows="published", fails_with="DID NOT RAISE .*FeatureNotSupported")
    def test_update_that_routes_rows_is_refused(self, table, evidence):
        table.insert_again(ROW)
        table.insert_again({**ROW, "quarter": 1})

        with pytest.raises(psycopg.errors.FeatureNotSupported) as refused:
            table.move_every_row()

        evidence.text("the server's answer", str(refused.value))
        assert refused.value.diag.message_primary == ('cannot route tuples into foreign table to be updated "person_2"')

    @pytest.mark.claim(
        "fdw-8", shows="corrected", fails_with=r"assert \[\('person_2', [14]\)\] == \[\('person_[03]', [14]\)\]"
    )
    @pytest.mark.parametrize("to", [1, 4], ids=["to a local partition", "to a foreign one"])
    def test_move_deletes_and_inserts_the_row(self, table, to):
        table.insert_again(ROW)

        assert table.move(1, quarter=2, to=to) == 1

        assert table.rows("SELECT tableoid::regclass::text, quarter FROM person") == [(BELONGS[to], to)]
        assert table.rows("SELECT id FROM person WHERE quarter = %s", to) == [(1,)]

    @pytest.mark.claim("fdw-8", shows="corrected", fails_with="DID NOT RAISE .*CheckViolation")
    def test_remote_refuses_an_update_of_the_key(self, table, evidence):
        table.insert_again(ROW)

        with pytest.raises(psycopg.errors.CheckViolation) as refused:
            table.first.execute("UPDATE person SET quarter = 1 WHERE quarter = 2")

        evidence.text("the server's answer", str(refused.value))
        assert table.rows("SELECT id FROM person WHERE quarter = 2") == [(1,)]
