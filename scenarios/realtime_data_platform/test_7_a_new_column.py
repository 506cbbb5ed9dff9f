"""A column that is added in PostgreSQL while rows are written and the view is read."""

import pytest

from fixtures.waiting import eventually
from scenarios.realtime_data_platform.chain import SEEN_WITHIN
from scenarios.realtime_data_platform.hammer import again_and_again


@pytest.fixture
def people(chains):
    return chains("people").lay("corrected")


@pytest.mark.claim("rdp-22")
def test_a_new_column_reaches_the_view_without_losing_a_row(people, platform, evidence):
    written, seen, reads = [], set(), []

    def write():
        written.append(people.insert(1, "before or after"))

    def read():
        shown = {key for (key,) in people.view("id")}
        reads.append(len(shown))
        assert seen <= shown, f"rows {seen - shown} were in the view and are not any more"
        seen.update(shown)

    with again_and_again(write), again_and_again(read):
        eventually(lambda: len(seen) > 20, within=SEEN_WITHIN)
        people.sql(f"ALTER TABLE {people.quoted} ADD COLUMN email text")
        altered = len(written)
        eventually(lambda: len(written) > altered + 20, within=SEEN_WITHIN)
        platform.apply(people.described())
        people.sql(f"UPDATE {people.quoted} SET email = 'fasih@example.org' WHERE id = 1")
        eventually(lambda: len(seen) > altered + 20, within=SEEN_WITHIN)
    eventually(lambda: not platform.verify(people.described()), within=SEEN_WITHIN)

    assert set(written) <= {key for (key,) in people.view("id")}
    assert people.view("id, name, email")[0] == (1, "Fasih", "fasih@example.org")
    evidence.json("rows in the view, read by read", reads)


@pytest.mark.claim("rdp-22")
def test_a_default_of_rows_that_were_there_is_not_in_the_stream_until_they_are_sent_again(people, platform):
    people.sql(f"ALTER TABLE {people.quoted} ADD COLUMN team text NOT NULL DEFAULT 'none'")
    platform.apply(people.described())

    difference = platform.verify(people.described())
    assert difference.missing == [(key, key, name, "none") for key, name in ((1, "Fasih"), (2, "Alice"), (3, "Bob"))]
    assert [team for *_, team in difference.extra] == [None] * 3

    assert platform.resend(people.described()) == 3
    eventually(lambda: not platform.verify(people.described()), within=SEEN_WITHIN)
