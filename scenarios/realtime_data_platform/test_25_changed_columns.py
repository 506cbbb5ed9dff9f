"""A column is added, renamed, dropped, or gets another type under writes: carried, said by status, or refused."""

import pytest

from fixtures.waiting import eventually
from reference.realtime_data_platform.errors import Refused
from scenarios.realtime_data_platform.command import data_platform
from scenarios.realtime_data_platform.concurrent_updates import repeating
from scenarios.realtime_data_platform.pipeline import VISIBLE_WITHIN

DDL = (
    "CREATE TABLE {name} (id bigserial PRIMARY KEY, amount integer, price numeric(6, 2), note text, old text, day date)"
)
WRITE = "INSERT INTO altered (amount, price) VALUES (1, 1.50) RETURNING id"

# What is done to the table, and what status says of it until the next apply.
CHANGES = {
    "ADD COLUMN more text DEFAULT 'new'": "hive.views.altered lacks the column more; run apply again",
    "RENAME COLUMN note TO remark": "column note of hive.views.altered is not in the table; run apply again",
    "DROP COLUMN old": "column old of hive.views.altered is not in the table; run apply again",
    "ALTER COLUMN amount TYPE bigint": "column amount of hive.views.altered is integer, and that of the table bigint",
    "ALTER COLUMN price TYPE numeric(12, 3)": "column price of hive.views.altered is decimal(6, 2), and that of the "
    "table numeric(12,3); run apply again",
}


@pytest.fixture(scope="module")
def altered(make_pipeline):
    """The pipeline of a table that tests alter, one after the other."""
    pipeline = make_pipeline("altered", ddl=DDL)
    pipeline.sql("INSERT INTO altered (amount, price, note, day) VALUES (1, 1.25, 'first', '2024-02-29')")
    return pipeline.start("corrected", people=[])


@pytest.mark.claim("rdp-22")
def test_changed_columns_are_said_and_carried_by_apply(altered, platform, evidence):
    altered.until_equal()
    written, seen, lost = [], set(), []

    def read():
        shown = {key for (key,) in altered.view("id")}
        if seen - shown:
            lost.append(seen - shown)
        seen.update(shown)

    with repeating(lambda: written.append(altered.sql(WRITE)[0][0])), repeating(read):
        for change in CHANGES:
            after = len(written) + 5
            eventually(lambda after=after: len(written) > after, within=VISIBLE_WITHIN)
            altered.sql(f"ALTER TABLE altered {change}")
        after = len(written) + 5
        eventually(lambda: len(written) > after, within=VISIBLE_WITHIN)
        code, _, said = data_platform(platform, "status", "altered")
        _, plan, _ = data_platform(platform, "plan", "altered")
        applied = data_platform(platform, "apply", "altered")
        altered.sql("UPDATE altered SET amount = 3000000000 WHERE id = 1")
        resent = data_platform(platform, "resend", "altered")
    altered.until_equal()

    assert (code, lost) == (4, [])
    assert [sentence for sentence in CHANGES.values() if sentence not in said] == []
    assert "change view hive.views.altered\n" in plan
    assert applied[0] == resent[0] == 0
    assert data_platform(platform, "status", "altered")[0] == 0
    assert set(written) <= seen | {key for (key,) in altered.view("id")}
    assert altered.view("amount, remark, more", "WHERE id = 1") == [(3_000_000_000, "first", "new")]
    evidence.text("status after columns were changed", said)


@pytest.mark.claim("rdp-22")
def test_type_that_is_sent_otherwise_is_refused(altered, platform):
    altered.until_equal()
    altered.sql("ALTER TABLE altered ALTER COLUMN day TYPE timestamp")

    with pytest.raises(Refused, match=r"column day of public\.altered was date and is timestamp without time zone"):
        platform.apply(altered.described())

    assert data_platform(platform, "status", "altered")[0] == 4
    assert data_platform(platform, "remove", "altered", "--yes", "--topic")[0] == 0
    assert data_platform(platform, "apply", "altered")[0] == 0
    altered.until_equal()
    assert altered.view("day", "WHERE id = 1")[0][0].isoformat() == "2024-02-29T00:00:00"


@pytest.mark.claim("rdp-22")
def test_value_beyond_the_views_type_is_an_error(make_pipeline, platform):
    pipeline = make_pipeline("outgrown", ddl=DDL).start("corrected", people=[])
    pipeline.sql("ALTER TABLE outgrown ALTER COLUMN amount TYPE bigint")
    pipeline.sql("INSERT INTO outgrown (amount) VALUES (3000000000)")
    pipeline.until(lambda: pipeline.pinot("id"), "the row is in Pinot")

    with pytest.raises(Refused, match="Cannot cast '3000000000' to INT"):
        pipeline.view("amount")

    platform.apply(pipeline.described())
    assert pipeline.view("amount") == [(3_000_000_000,)]
