"""Beyond the document: a canary first, a stop after so many failures, a resume, and files pinned by their hashes."""

import json

import pytest

FILES = {
    "001-person.sql": "CREATE TABLE person (id bigint);",
    "001-person.rollback.sql": "DROP TABLE person;",
}


@pytest.fixture
def four(databases):
    """Four empty databases."""
    return databases("a", "b", "c", "d")


def states(said):
    return {each["database"]: each["state"] for each in json.loads(said)["databases"]}


def breaks(database):
    """Let the migration fail on a database."""
    database.connection.execute("CREATE TABLE person (id bigint)")


@pytest.mark.claim("mig-12")
def test_failing_canary_keeps_all_others_untouched(command, bucket, four, listed):
    breaks(four[2])
    words = ("-s", bucket.put("s", FILES), "-d", listed(*four), "--first", "c", "--stop-after", 4)

    code, said, _ = command("apply", *words, "--json")

    assert code == 1
    assert states(said) == {"a": "skipped", "b": "skipped", "c": "failed", "d": "skipped"}
    assert "not begun: c, which was first, failed" in said
    assert [each.all_tables() for each in four if each.name != "c"] == [[], [], []]


@pytest.mark.claim("mig-12")
def test_canary_is_migrated_before_all_others(command, bucket, four, listed):
    code, _, progress = command("apply", "-s", bucket.put("s", FILES), "-d", listed(*four), "--first", "c")

    assert code == 0
    assert progress.splitlines()[0].startswith("c: applied")
    assert len(progress.splitlines()) == 4


@pytest.mark.claim("mig-12")
def test_no_database_is_begun_after_so_many_failures(command, bucket, four, listed):
    breaks(four[0])
    breaks(four[1])
    words = ("-s", bucket.put("s", FILES), "-d", listed(*four), "--parallel", 1, "--stop-after", 2)

    code, said, _ = command("apply", *words, "--json")

    assert code == 1
    assert states(said) == {"a": "failed", "b": "failed", "c": "skipped", "d": "skipped"}
    assert "not begun: 2 failed (--stop-after 2)" in said
    assert [each.all_tables() for each in four[2:]] == [[], []]


class TestResume:
    @pytest.mark.claim("mig-12")
    def test_resume_begins_with_what_was_not_done(self, command, bucket, four, listed, tmp_path):
        breaks(four[1])
        report = tmp_path / "report.json"
        words = ("-s", bucket.put("s", FILES), "-d", listed(*four), "--parallel", 1, "--report", report)
        code, said, _ = command("apply", *words, "--json")
        assert (code, states(said)) == (1, {"a": "applied", "b": "failed", "c": "skipped", "d": "skipped"})
        four[1].connection.execute("DROP TABLE person")

        code, said, progress = command("apply", *words, "--resume", report, "--json")

        assert (code, states(said)) == (0, dict.fromkeys("abcd", "applied"))
        assert [line[0] for line in progress.splitlines()] == ["b", "c", "d"]
        assert json.loads(said) == json.loads(report.read_text())
        assert command("apply", *words, "--resume", report)[0] == 0

    @pytest.mark.claim("mig-12")
    def test_resume_refuses_other_migrations(self, command, bucket, four, listed, tmp_path):
        report = tmp_path / "report.json"
        words = ("-s", bucket.put("s", FILES), "-d", listed(*four), "--report", report)
        command("apply", *words)
        bucket.put("s", {"002-more.sql": "SELECT 1;"})

        code, _, said = command("apply", *words, "--resume", report)

        assert code == 2
        assert "the migrations are not those of the report" in said


class TestManifest:
    """The files of a source, pinned by their hashes."""

    @pytest.mark.claim("mig-12")
    @pytest.mark.parametrize(
        ("change", "difference"),
        [
            ({"001-person.sql": "CREATE TABLE evil (id bigint);"}, "changed: 001-person.sql"),
            ({"001-person.rollback.sql": "DROP TABLE orders;"}, "changed: 001-person.rollback.sql"),
            ({"002-more.sql": "SELECT 1;"}, "not in the manifest: 002-more.sql"),
            ({"post-apply.py": "raise SystemExit('executed')"}, "not in the manifest: post-apply.py"),
            (None, "missing: 001-person.rollback.sql"),
        ],
    )
    def test_other_files_than_pinned_are_not_run(self, command, bucket, database, tmp_path, change, difference):
        source = bucket.put("s", FILES)
        manifest = tmp_path / "manifest"
        manifest.write_text(command("manifest", "-s", source)[1])
        if change is None:
            bucket.delete("s", "001-person.rollback.sql")
        else:
            bucket.put("s", change)

        code, _, said = command("apply", "-s", source, "-d", database.url, "--manifest", manifest)

        assert code == 2
        assert difference in said
        assert database.all_tables() == []

    @pytest.mark.claim("mig-12")
    def test_pinned_public_bucket_is_run(self, command, public_bucket, database, tmp_path, without_credentials):
        source = public_bucket.put("s", FILES)
        manifest = tmp_path / "manifest"
        manifest.write_text(command("manifest", "-s", source)[1])

        code, _, _ = command("apply", "-s", source, "-d", database.url, "--manifest", manifest)

        assert code == 0
        assert database.applied() == ["001-person"]
