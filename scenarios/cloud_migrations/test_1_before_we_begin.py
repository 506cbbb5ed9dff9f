"""The first example: SQL files in a bucket, read as yoyo's migrations and applied to a database."""

import pytest
from yoyo import exceptions, get_backend
from yoyo.migrations import MigrationList

from reference.cloud_migrations import SourceUnavailable, read_migrations
from scenarios.cloud_migrations.published import EXAMPLE
from scenarios.cloud_migrations.readers import Failed, apply_with_yoyo
from scenarios.customer_sharding.services.eavesdropper import Eavesdropper

IDS = ["001-create-table", "002-insert-row"]


@pytest.mark.claim("mig-1")
def test_migrations_of_a_bucket_are_applied_by_yoyo(bucket, database, evidence):
    migrations = read_migrations(bucket.put(files=EXAMPLE))

    apply_with_yoyo(migrations, database.url)

    evidence.table("yoyo's log", [{"migration": name} for name in database.applied()])
    assert type(migrations) is MigrationList
    assert [each.id for each in migrations] == database.applied() == IDS
    assert database.rows("SELECT * FROM person") == [(1, "Alice")]
    assert database.rows("SELECT * FROM yoyo_lock") == []


@pytest.mark.claim("mig-1")
def test_lock_of_yoyo_keeps_the_runner_out(bucket, database):
    migrations = read_migrations(bucket.put(files=EXAMPLE))
    apply_with_yoyo(migrations[:1], database.url)
    database.rows("INSERT INTO yoyo_lock (locked, ctime, pid) VALUES (1, now(), 4711) RETURNING 1")

    with (
        get_backend(database.url.replace("postgresql:", "postgresql+psycopg:")) as backend,
        pytest.raises(exceptions.LockTimeout, match="Process 4711"),
        backend.lock(timeout=0.1),
    ):
        pytest.fail("the lock was taken though another process holds it")

    assert database.applied() == IDS[:1]


class TestPublicBucket:
    """Nobody needs credentials for it."""

    @pytest.mark.claim("mig-7", "anonymous", shows="published", fails_with="DID NOT RAISE")
    def test_published_reader_asks_for_credentials(self, reader, public_bucket, without_credentials):
        source = public_bucket.put(files=EXAMPLE)

        with pytest.raises(Failed, match="NoCredentialsError"):
            reader.ids(source)

    @pytest.mark.claim("mig-3")
    @pytest.mark.claim("mig-7", "anonymous", shows="corrected", fails_with="NoCredentialsError")
    def test_public_bucket_is_read_without_credentials(self, reader, public_bucket, without_credentials):
        assert reader.ids(public_bucket.put(files=EXAMPLE)) == IDS

    @pytest.mark.claim("mig-3")
    def test_private_bucket_refuses_without_credentials(self, command, bucket, database, without_credentials):
        source = bucket.put(files=EXAMPLE)

        code, _, said = command("plan", "-s", source, "-d", database.url)

        assert code == 3
        assert "the store refuses (AccessDenied" in said

    @pytest.mark.claim("mig-3")
    def test_public_migrations_are_not_run_unpinned(self, command, public_bucket, database, without_credentials):
        source = public_bucket.put(files=EXAMPLE)

        code, _, said = command("apply", "-s", source, "-d", database.url)

        assert code == 2
        assert "was read without credentials" in said
        assert database.all_tables() == []
        assert command("apply", "-s", source, "-d", database.url, "--trust-public")[0] == 0
        assert database.applied() == IDS


@pytest.fixture
def overheard(s3, monkeypatch):
    """All bytes between the reader and the store."""
    eavesdropper = Eavesdropper(s3.direct_address().port)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{eavesdropper.port}")
    yield eavesdropper.heard
    eavesdropper.close()


class TestCredentials:
    @pytest.mark.claim("mig-7", "session token", shows="published", fails_with="InvalidToken")
    def test_published_reader_sends_no_session_token(self, reader, bucket, overheard, monkeypatch):
        source = bucket.put(files=EXAMPLE)
        monkeypatch.setenv("AWS_SESSION_TOKEN", "a-session-token")

        reader.ids(source)

        assert b"Credential=" in overheard
        assert "a-session-token" not in overheard.decode(errors="replace")

    @pytest.mark.claim("mig-7", "session token", shows="corrected", fails_with="DID NOT RAISE")
    def test_session_token_is_sent_with_its_keys(self, reader, bucket, overheard, monkeypatch):
        source = bucket.put(files=EXAMPLE)
        monkeypatch.setenv("AWS_SESSION_TOKEN", "a-session-token")

        # The store issues no tokens, and refuses the keys for the sake of this one.
        with pytest.raises(SourceUnavailable, match="InvalidToken"):
            reader.ids(source)

        assert "a-session-token" in overheard.decode(errors="replace")

    @pytest.mark.claim("mig-7", "endpoint", shows="published", fails_with="DID NOT RAISE")
    def test_published_reader_takes_no_endpoint(self, reader, bucket, s3, monkeypatch):
        source = bucket.put(files=EXAMPLE)
        assert reader.ids(source) == IDS  # by the SDK's own variable

        with pytest.raises(Failed, match=r"TypeError: .* unexpected keyword argument 'endpoint_url'"):
            reader.ids(source, endpoint_url=s3.url)

    @pytest.mark.claim("mig-7", "endpoint", shows="corrected", fails_with="TypeError: .* 'endpoint_url'")
    def test_endpoint_is_an_argument(self, reader, bucket, s3, monkeypatch):
        source = bucket.put(files=EXAMPLE)
        monkeypatch.delenv("AWS_ENDPOINT_URL")

        assert reader.ids(source, endpoint_url=s3.url) == IDS
