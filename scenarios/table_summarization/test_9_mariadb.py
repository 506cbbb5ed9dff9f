"""On MariaDB, whose collations take different texts for equal, a table has the patterns of the pandas frame."""

import datetime as dt
import decimal

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from reference.table_summarization import summarize

# One text to some collation or other: of another case, with accents, composed or not, with blanks, of another width;
# and texts that begin alike, for longer than a server looks at when it sorts.
ALIKE = [
    *(
        "resume",
        "Resume",
        "RESUME",
        "r\u00e9sum\u00e9",
        "re\u0301sume\u0301",
        "resume ",
        "resume  ",
        " resume",
        "resume\t",
    ),
    *(
        "strasse",
        "stra\u00dfe",
        "Stra\u00dfe",
        "\uff52esume",
        "",
        " ",
        "\0",
        "\U0001f600",
        "\U0001f601",
        "I",
        "i",
        "\u0131",
        "\u0130",
    ),
    *("a" * 3_000, "a" * 2_999 + "A", "a" * 2_999 + "b"),
]
COLLATIONS = ["", "COLLATE utf8mb4_general_ci", "COLLATE utf8mb4_unicode_520_ci", "COLLATE utf8mb4_uca1400_nopad_as_ci"]


@pytest.fixture
def fill(mariadb):
    """Return a function that fills a table of the server, and returns the server's address for SQLAlchemy."""
    url = mariadb.url.replace("mysql:", "mysql+pymysql:")
    engine = sa.create_engine(url)

    def fill(columns, table):
        described = ", ".join(f"`{name}` {kind}" for name, kind in columns.items())
        values = ", ".join(f":{name}" for name in columns)
        with engine.begin() as connection:
            connection.execute(sa.text("DROP TABLE IF EXISTS held"))
            connection.execute(sa.text(f"CREATE TABLE held ({described})"))
            rows = [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
            connection.execute(sa.text(f"INSERT INTO held VALUES ({values})"), rows)
        return url

    yield fill
    engine.dispose()


def answer(held, **options):
    """Return the parts of a summary that must be equal: patterns, savings, counts, rows left over, and bins."""
    summary = summarize(held, patterns=None, **options)
    return summary.patterns, summary.left_over, summary.rows, summary.bins


@pytest.mark.claim("tsum-12")
@pytest.mark.parametrize("collation", COLLATIONS, ids=lambda collation: collation.rpartition(" ")[2] or "default")
@pytest.mark.parametrize("kind", ["varchar(3000)", "text", "longtext"])
def test_texts_that_a_collation_equates_are_many(fill, kind, collation):
    random = np.random.default_rng(0)
    numbers = np.minimum(random.geometric(0.1, 2_000) - 1, len(ALIKE))
    texts = [*ALIKE, None]
    table = {
        "text": [texts[n] for n in numbers],
        "other": [texts[(n * 5 + k % 2) % len(texts)] for k, n in enumerate(numbers)],
    }
    url = fill(dict.fromkeys(table, f"{kind} {collation}"), table)

    found = answer(url, table="held")

    assert found == answer(pd.DataFrame(table))
    assert {each.pattern.get("text") for each in found[0]} >= {"resume", "Resume", "resume ", "r\u00e9sum\u00e9"}


@pytest.mark.claim("tsum-12")
def test_texts_of_other_encodings_are_the_frames(fill):
    texts = ["caf\u00e9", "cafe", "CAFE", "CAF\u00c9", "cafe ", "\u00dcber", "uber"]
    table = {name: [texts[n * step % 7] for n in range(200)] for name, step in (("a", 1), ("b", 3))}

    url = fill({"a": "varchar(9) CHARACTER SET latin1", "b": "varchar(9) CHARACTER SET ucs2"}, table)

    assert answer(url, table="held") == answer(pd.DataFrame(table))


NUMBERS = {
    "float": [np.float32(n / 7) for n in range(40)] + [np.float32(16_777_213 + n % 3) for n in range(40)],
    "double": [n / 7 for n in range(40)] + [0.1 + 0.2, 0.3, 1e300, 5e-324] * 10,
    "bigint unsigned": [2**64 - 1 - n % 3 for n in range(80)],
    "bigint": [n - 2**63 for n in range(40)] + [7] * 40,
    "decimal(30, 3)": [decimal.Decimal(n) / 8 for n in range(80)],
    "date": [dt.date(1969, 12, 1) + dt.timedelta(days=n) for n in range(80)],
    "datetime(6)": [
        dt.datetime.fromisoformat("1969-12-31") + dt.timedelta(seconds=n, microseconds=n) for n in range(80)
    ],
    "time(6)": [dt.timedelta(seconds=n * 1_000, microseconds=n) for n in range(80)],
    "varbinary(9)": [b"a", b"A", b"a ", b"\xff\0"] * 20,
}


@pytest.mark.claim("tsum-12")
@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_and_times_are_the_frames(fill, kind):
    """A float is the double that it is, not the six digits that the server shows."""
    values = [*NUMBERS[kind], *NUMBERS[kind][:30], None, None]
    half = [n % 2 for n in range(len(values))]
    sent = [float(each) if isinstance(each, np.float32) else each for each in values]

    url = fill({"value": kind, "half": "int"}, {"value": sent, "half": half})

    frame = pd.DataFrame({"value": pd.Series(values, dtype=object), "half": half})
    assert answer(url, table="held") == answer(frame)
