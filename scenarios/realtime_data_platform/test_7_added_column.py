"""A column added in PostgreSQL while rows are inserted and the view is read."""

import pytest

from fixtures.waiting import eventually
from scenarios.realtime_data_platform.concurrent_updates import repeating
from scenarios.realtime_data_platform.pipeline import VISIBLE_WITHIN


@pytest.fixture
def start_people(make_pipeline):
    """Starts the pipeline of a table of people, which the test alters."""
    return lambda name: make_pipeline(name).start("corrected")


@pytest.mark.claim("rdp-22")
def test_added_column_reaches_the_view_losing_no_row(start_people, platform, evidence):
    people = start_people("with_email")
    written, seen, reads = [], set(), []

    def write():
        written.append(people.insert(1, "written meanwhile"))

    def read():
        shown = {key for (key,) in people.view("id")}
        reads.append(len(shown))
        assert seen <= shown, f"the view has lost the rows {seen - shown}"
        seen.update(shown)

    with repeating(write), repeating(read):
        eventually(lambda: len(seen) > 20, within=VISIBLE_WITHIN)
        people.sql(f"ALTER TABLE {people.quoted} ADD COLUMN email text")
        altered = len(written)
        eventually(lambda: len(written) > altered + 20, within=VISIBLE_WITHIN)
        platform.apply(people.described())
        people.sql(f"UPDATE {people.quoted} SET email = 'fasih@example.org' WHERE id = 1")
        eventually(lambda: len(seen) > altered + 20, within=VISIBLE_WITHIN)
    eventually(lambda: not platform.verify(people.described()), within=VISIBLE_WITHIN)

    assert set(written) <= {key for (key,) in people.view("id")}
    assert people.view("id, name, email")[0] == (1, "Fasih", "fasih@example.org")
    evidence.json("number of rows in the view, read by read", reads)


@pytest.mark.claim("rdp-22")
def test_column_default_arrives_only_after_resend(start_people, platform):
    people = start_people("with_team")
    people.sql(f"ALTER TABLE {people.quoted} ADD COLUMN team text NOT NULL DEFAULT 'none'")
    platform.apply(people.described())

    difference = platform.verify(people.described())
    assert difference.missing == [(key, key, name, "none") for key, name in ((1, "Fasih"), (2, "Alice"), (3, "Bob"))]
    assert [team for *_, team in difference.extra] == [None] * 3

    assert platform.resend(people.described()) == 3
    eventually(lambda: not platform.verify(people.described()), within=VISIBLE_WITHIN)
