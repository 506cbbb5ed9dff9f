"""Beyond the document: in a bucket that keeps versions a manifest pins these, whatever is uploaded later."""

import itertools
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

import pytest

from fixtures.services.environment import Environment
from fixtures.services.kinds.s3 import S3
from fixtures.services.service import Place
from scenarios.cloud_migrations.bucket import Bucket

NUMBERS = itertools.count()
FILES = {
    "001-person.sql": "CREATE TABLE person (id bigint);",
    "001-person.rollback.sql": "DROP TABLE person;",
    "002-row.sql": "INSERT INTO person VALUES (1);",
}


@dataclass(frozen=True, kw_only=True)
class VersionedS3(S3):
    """The store with a folder for the versions of its objects, which a bucket keeps where it is asked to."""

    def files(self, place: Place) -> Mapping[str, str]:
        """Return a file in that folder: the store does not create it."""
        return {"versions/readme": "versions of objects"}

    def command(self, place: Place) -> Sequence[str]:
        """Return the store's words, with that folder before the one of the objects."""
        *words, objects = super().command(place)
        return [*words, "--versioning-dir", str(place.configuration / "versions"), objects]


@pytest.fixture(scope="module")
def versioned_s3(environment):
    """A store of its own, since the document's keeps no versions."""
    environment = Environment(
        {"versioned-s3": VersionedS3()}, environment.mode, environment.owner, environment.image, environment.progress
    )
    yield environment["versioned-s3"]
    environment.remove()


@pytest.fixture
def versioned(versioned_s3, monkeypatch):
    """A bucket that keeps versions."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", versioned_s3.url)
    with closing(versioned_s3.service.client(versioned_s3)) as client:
        bucket = Bucket(client, f"versioned-{next(NUMBERS)}")
        client.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"})
        yield bucket


@pytest.fixture
def pinned(versioned, command, tmp_path):
    """The command's options for files whose versions a manifest pins."""
    source = versioned.put("s", FILES)
    manifest = tmp_path / "manifest"
    code, text, said = command("manifest", "-s", source, "--versions")
    assert code == 0, said
    manifest.write_text(text)
    return "-s", source, "--manifest", manifest


@pytest.mark.claim("mig-12")
def test_pinned_versions_outlive_edits_and_deletions(pinned, versioned, command, database):
    versioned.put("s", {"001-person.sql": "CREATE TABLE evil (id bigint);", "003-more.sql": "DROP TABLE person;"})
    for name in ("002-row.sql", "001-person.rollback.sql"):
        versioned.delete("s", name)

    code, _, said = command("apply", *pinned, "-d", database.url)

    assert (code, database.applied()) == (0, ["001-person", "002-row"]), said
    assert database.rows("SELECT * FROM person") == [(1,)]


@pytest.mark.claim("mig-12")
def test_deleted_pinned_version_is_named(pinned, versioned, command, database):
    versions = versioned.client.list_object_versions(Bucket=versioned.name, Prefix="s/002-row.sql")["Versions"]
    gone = versions[0]["VersionId"]
    versioned.client.delete_object(Bucket=versioned.name, Key="s/002-row.sql", VersionId=gone)

    code, _, said = command("apply", *pinned, "-d", database.url)

    assert code == 2
    assert f"{versioned.url('s/002-row.sql')} has no version {gone}, which the manifest names" in said
    assert said.count("\n") == 1
    assert database.all_tables() == []


@pytest.mark.claim("mig-12")
def test_pinned_version_with_another_hash_is_not_run(pinned, versioned, command, database):
    """A manifest in which somebody changed a version, and not the hash beside it."""
    versioned.put("s", {"001-person.sql": "CREATE TABLE evil (id bigint);"})
    newer = versioned.client.head_object(Bucket=versioned.name, Key="s/001-person.sql")["VersionId"]
    manifest = pinned[-1]
    lines = manifest.read_text().splitlines()
    manifest.write_text("\n".join(f"{x.partition('=')[0]}={newer}" if "001-person.sql?" in x else x for x in lines))

    code, _, said = command("apply", *pinned, "-d", database.url)

    assert code == 2
    assert "changed: 001-person.sql" in said
    assert database.all_tables() == []


@pytest.mark.claim("mig-12")
def test_bucket_without_versions_is_not_pinned_by_them(bucket, command):
    source = bucket.put("s", FILES)

    code, text, said = command("manifest", "-s", source, "--versions")

    assert (code, text) == (2, "")
    assert "has no version: turn on the versioning of its bucket and upload it again" in said
    assert said.count("\n") == 1


@pytest.mark.claim("mig-12")
def test_version_from_before_versioning_is_refused(versioned, command):
    """It has the id "null", and the next upload may replace it."""
    suspended = {"Status": "Suspended"}
    versioned.client.put_bucket_versioning(Bucket=versioned.name, VersioningConfiguration=suspended)
    source = versioned.put("s", FILES)

    code, _, said = command("manifest", "-s", source, "--versions")

    assert code == 2
    assert "has no version: turn on the versioning of its bucket" in said


@pytest.mark.claim("mig-12")
def test_pinned_version_needs_a_store_with_versions(pinned, bucket, command, database, s3, monkeypatch):
    """The same addresses in a store that keeps none."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.url)
    source = bucket.put("s", FILES)
    manifest = pinned[-1]
    manifest.write_text(manifest.read_text().replace(pinned[1], source))

    code, _, said = command("apply", "-s", source, "--manifest", manifest, "-d", database.url)

    assert code == 2
    assert "or the bucket keeps none; nothing was run" in said
