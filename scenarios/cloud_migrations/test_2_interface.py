"""The function's interface is that of yoyo's own: several paths, rollback files, hooks, and migrations in Python."""

import pytest
from yoyo import get_backend
from yoyo import read_migrations as yoyos_read_migrations

from reference.cloud_migrations import ConflictingNames, read_migrations
from scenarios.cloud_migrations.readers import Failed, apply_with_yoyo

FILES = {
    "001-person.sql": "CREATE TABLE person (id bigint PRIMARY KEY);\nINSERT INTO person VALUES (1);",
    "001-person.rollback.sql": "DELETE FROM person;\nDROP TABLE person;",
    "002-names.py": """
from yoyo import step

__depends__ = {"001-person"}


def fill(connection):
    connection.execute("UPDATE person SET name = 'Alice'")


steps = [step("ALTER TABLE person ADD COLUMN name text", "ALTER TABLE person DROP COLUMN name"), step(fill)]
""",
    "post-apply.sql": "CREATE TABLE IF NOT EXISTS hooked (at timestamptz);\nINSERT INTO hooked VALUES (now());",
    "README.md": "Not a migration.",
}


@pytest.fixture
def folder(tmp_path):
    """The same files in a local folder."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


@pytest.mark.claim("mig-2")
def test_bucket_is_read_as_yoyo_reads_a_folder(bucket, folder):
    ours, yoyos = read_migrations(bucket.put("a", FILES)), yoyos_read_migrations(str(folder))

    assert [each.id for each in ours] == [each.id for each in yoyos] == ["001-person", "002-names"]
    assert [each.id for each in ours.post_apply] == [each.id for each in yoyos.post_apply] == ["post-apply"]
    for mine, theirs in zip([*ours, *ours.post_apply], [*yoyos, *yoyos.post_apply], strict=True):
        mine.load()
        theirs.load()
        assert (mine.hash, mine.use_transactions, len(mine.steps)) == (
            theirs.hash,
            theirs.use_transactions,
            len(theirs.steps),
        )
        assert {each.id for each in mine.depends} == {each.id for each in theirs.depends}


@pytest.mark.claim("mig-2")
def test_rollback_files_hooks_and_python_are_honoured(bucket, database):
    migrations = read_migrations(bucket.put("a", FILES))

    apply_with_yoyo(migrations, database.url)

    assert database.rows("SELECT id, name FROM person") == [(1, "Alice")]
    assert database.rows("SELECT count(*) FROM hooked") == [(1,)]

    with get_backend(database.url.replace("postgresql:", "postgresql+psycopg:")) as backend, backend.lock():
        backend.rollback_migrations(backend.to_rollback(migrations))

    assert database.tables() == ["hooked"]
    assert database.applied() == []


@pytest.mark.claim("mig-2")
def test_published_reader_skips_python_silently(published, bucket):
    assert published.ids(bucket.put("a", FILES)) == ["001-person"]


@pytest.mark.claim("mig-2")
def test_several_paths_of_several_kinds_are_merged(bucket, folder, monkeypatch):
    later = bucket.put("b", {"003-more.sql": "SELECT 1;"})
    monkeypatch.chdir(folder.parent)

    merged = read_migrations("migrations", later, f"file://{folder}")

    assert [each.id for each in merged] == ["001-person", "002-names", "003-more"]
    assert [each.id for each in merged.post_apply] == ["post-apply"]


DEPENDING = {
    "001-last.sql": "-- depends: 002-first\n\nALTER TABLE person ADD COLUMN name text;",
    "002-first.sql": "CREATE TABLE person (id bigint);",
}


class TestDependencies:
    @pytest.mark.claim("mig-9", "depends", shows="published", fails_with="DID NOT RAISE")
    def test_published_reader_knows_no_dependencies(self, reader, bucket, database):
        with pytest.raises(Failed, match=r"AttributeError: .*all_migrations"):
            reader.apply(database, bucket.put("a", DEPENDING))

    @pytest.mark.claim("mig-9", "depends", shows="corrected", fails_with="AttributeError")
    def test_dependencies_come_first(self, reader, bucket, database):
        reader.apply(database, bucket.put("a", DEPENDING))

        assert database.columns("person") == ["id", "name"]

    @pytest.mark.claim("mig-9", "depends", shows="corrected", fails_with="AttributeError|Regex pattern did not match")
    def test_missing_dependency_is_named(self, reader, bucket, database):
        files = {"001-last.sql": DEPENDING["001-last.sql"]}

        with pytest.raises((Failed, ValueError), match=r"001-last.sql depends on 002-first, which is in no source"):
            reader.apply(database, bucket.put("a", files))

        assert database.all_tables() == []


SAME = {"001-create-table.sql": "CREATE TABLE orders (id bigint);"}


class TestOneNameUnderTwoPaths:
    @pytest.mark.claim("mig-9", "names", shows="published", fails_with="DID NOT RAISE")
    def test_published_reader_refuses_equal_names(self, reader, bucket):
        paths = [bucket.put(directory, SAME) for directory in ("prod", "stage")]

        with pytest.raises(Failed, match="MigrationConflict: 001-create-table"):
            reader.ids(*paths)

    @pytest.mark.claim("mig-9", "names", shows="corrected", fails_with="MigrationConflict")
    def test_one_file_in_two_paths_is_one_migration(self, reader, bucket, database):
        prod = bucket.put("prod", SAME)
        stage = bucket.put("stage", SAME | {"002-add-column.sql": "ALTER TABLE orders ADD COLUMN state text;"})

        assert reader.ids(prod, stage) == ["001-create-table", "002-add-column"]
        reader.apply(database, prod, stage)
        assert database.columns("orders") == ["id", "state"]

    @pytest.mark.claim("mig-9", "names", shows="corrected", fails_with="MigrationConflict")
    def test_one_name_with_two_contents_names_both_files(self, reader, bucket):
        prod = bucket.put("prod", SAME)
        stage = bucket.put("stage", {"001-create-table.sql": "CREATE TABLE other (id bigint);"})

        with pytest.raises(ConflictingNames, match=r"prod/001-create-table.sql and .*/stage/001-create-table.sql"):
            reader.ids(prod, stage)


class TestLaterUploads:
    @pytest.mark.claim("mig-9", "uploads", shows="published", fails_with="002-later")
    def test_published_process_does_not_see_a_later_upload(self, reader, bucket):
        source = bucket.put("a", {"001-early.sql": "SELECT 1;"})
        assert reader.ids(source) == ["001-early"]

        bucket.put("a", {"002-later.sql": "SELECT 2;"})

        assert reader.ids(source) == ["001-early"]

    @pytest.mark.claim("mig-9", "uploads", shows="corrected", fails_with="002-later")
    def test_later_upload_is_seen_by_the_same_process(self, reader, bucket):
        source = bucket.put("a", {"001-early.sql": "SELECT 1;"})
        assert reader.ids(source) == ["001-early"]

        bucket.put("a", {"002-later.sql": "SELECT 2;"})

        assert reader.ids(source) == ["001-early", "002-later"]


CREATE = {"001-person.sql": "CREATE TABLE person (id bigint);"}
EDITED = {"001-person.sql": "CREATE TABLE person (id bigint, name text);"}


class TestIdempotent:
    @pytest.mark.claim("mig-9", "idempotent", shows="published", fails_with="edited after it was applied")
    def test_published_way_only_passes_over_known_ids(self, reader, bucket, database):
        reader.apply(database, bucket.put("a", CREATE))

        reader.apply(database, bucket.put("a", EDITED))

        assert database.columns("person") == ["id"]

    @pytest.mark.claim("mig-9", "idempotent", shows="corrected", fails_with="DID NOT RAISE")
    def test_edited_migration_is_not_passed_over(self, reader, bucket, database):
        reader.apply(database, bucket.put("a", CREATE))
        reader.apply(database, bucket.put("a", CREATE))

        with pytest.raises(Failed, match="001-person: edited after it was applied"):
            reader.apply(database, bucket.put("a", EDITED))
