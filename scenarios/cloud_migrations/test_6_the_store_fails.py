"""Beyond the document: the store is slow, cut off or refuses, and its objects change while they are read."""

import datetime as dt
import re
import time

import pytest

from reference.cloud_migrations import SourceUnavailable, read_migrations
from reference.cloud_migrations.sources import s3 as reading

FILES = {"001-person.sql": "CREATE TABLE person (id bigint);", "002-row.sql": "INSERT INTO person VALUES (1);"}
MANY = 1_500  # more than the thousand keys of a page


@pytest.mark.claim("mig-13")
def test_listing_longer_than_a_page_is_read_whole(bucket):
    names = [f"{number:04}-insert" for number in range(MANY)]
    source = bucket.put("many", {f"{name}.sql": f"SELECT '{name}';" for name in names})

    migrations = read_migrations(source)

    assert [each.id for each in migrations] == names
    migrations[-1].load()
    assert migrations[-1].source == f"SELECT '{names[-1]}';"


@pytest.fixture
def after_listing(monkeypatch):
    """Change the bucket when it has been listed, so many times; return how often it was listed."""

    def change(action, times=1):
        original, listings = reading._list, []

        def listing(*arguments):
            found = original(*arguments)
            listings.append(found)
            if len(listings) <= times:
                action(len(listings))
            return found

        monkeypatch.setattr(reading, "_list", listing)
        return listings

    return change


class TestBetweenListingAndReading:
    @pytest.mark.claim("mig-13")
    def test_replaced_object_is_listed_again(self, bucket, after_listing):
        source = bucket.put("a", FILES)
        new = FILES | {"002-row.sql": "INSERT INTO person VALUES (2);"}
        listings = after_listing(lambda _: bucket.put("a", new))

        migrations = read_migrations(source)

        assert len(listings) == 2
        migrations[1].load()
        assert migrations[1].source == new["002-row.sql"]

    @pytest.mark.claim("mig-13")
    def test_vanished_object_is_listed_again(self, bucket, after_listing):
        source = bucket.put("a", FILES)
        listings = after_listing(lambda _: bucket.delete("a", "002-row.sql"))

        assert [each.id for each in read_migrations(source)] == ["001-person"]
        assert len(listings) == 2

    @pytest.mark.claim("mig-13")
    def test_source_that_keeps_changing_is_refused(self, bucket, after_listing):
        source = bucket.put("a", FILES)
        after_listing(lambda number: bucket.put("a", {"002-row.sql": f"SELECT {number};"}), times=9)

        with pytest.raises(SourceUnavailable, match="changed while it was read, 3 times in a row"):
            read_migrations(source)


class TestStore:
    @pytest.mark.claim("mig-13")
    @pytest.mark.parametrize("fault", ["cut", "slow", "paused"])
    def test_store_without_an_answer_is_an_error(self, bucket, s3, fault):
        source = bucket.put("a", FILES)
        {"cut": s3.cut, "slow": lambda: s3.slow(30), "paused": s3.pause}[fault]()
        begun = time.monotonic()

        try:
            with pytest.raises(SourceUnavailable, match=r"a at .* cannot be read|a cannot be read"):
                read_migrations(source, timeout=0.5)
        finally:
            s3.heal()

        assert time.monotonic() - begun < 30
        assert len(read_migrations(source)) == len(FILES)

    @pytest.mark.claim("mig-13")
    def test_short_delays_are_waited_for(self, bucket, s3):
        source = bucket.put("a", FILES)
        s3.slow(0.2)
        try:
            assert len(read_migrations(source, timeout=10)) == len(FILES)
        finally:
            s3.mend()

    @pytest.mark.claim("mig-13")
    @pytest.mark.parametrize(
        ("name", "value", "said"),
        [
            ("AWS_SECRET_ACCESS_KEY", "wrong", r"the store refuses \(SignatureDoesNotMatch"),
            ("AWS_ACCESS_KEY_ID", "unknown", r"the store (refuses|answers) .*access key"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:1", "cannot be read: Could not connect"),
        ],
    )
    def test_wrong_settings_are_one_clear_sentence(self, command, bucket, database, monkeypatch, name, value, said):
        source = bucket.put("a", FILES)
        monkeypatch.setenv(name, value)

        code, output, error = command("apply", "-s", source, "-d", database.url)

        assert (code, output) == (3, "")
        assert error.count("\n") == 1
        assert re.search(said, error)
        assert database.all_tables() == []

    @pytest.mark.claim("mig-13")
    def test_missing_bucket_is_named(self, command, database):
        code, _, error = command("apply", "-s", "s3://there-is-none/a", "-d", database.url)

        assert (code, error) == (3, "cloud-migrations: s3://there-is-none/a cannot be read: there is no such bucket\n")

    @pytest.mark.claim("mig-13")
    def test_wrong_clock_is_named(self, command, bucket, database, monkeypatch):
        import botocore.auth

        source = bucket.put("a", FILES)
        early = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
        monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda **_: early.replace(tzinfo=None))

        code, _, error = command("apply", "-s", source, "-d", database.url)

        assert code == 3
        assert "the clock of this machine differs too much from the store's" in error
