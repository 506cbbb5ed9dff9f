"""A table with a column of each type of PostgreSQL, and the values that are hardest to carry."""

SCHEMA = "every"
OBJECTS = """
CREATE SCHEMA every;
CREATE EXTENSION IF NOT EXISTS citext; CREATE EXTENSION IF NOT EXISTS hstore; CREATE EXTENSION IF NOT EXISTS ltree;
CREATE TYPE every.mood AS ENUM ('sad', 'ok, "fine"');
CREATE TYPE every.pair AS (number integer, text text);
CREATE TYPE every.span AS RANGE (subtype = float8);
CREATE DOMAIN every.amount AS numeric(12, 3);
CREATE DOMAIN every.birthday AS date;
CREATE DOMAIN every.feeling AS every.mood;
"""

# By type: values as PostgreSQL reads them. Where the view would refuse one, it is in `ONLY_AS_TEXT`.
VALUES = {
    "boolean": ["true", "false"],
    "smallint": ["-32768", "32767"],
    "integer": ["-2147483648", "2147483647"],
    "bigint": ["-9223372036854775808", "9223372036854775807"],
    "oid": ["0", "4294967295"],
    "numeric": ["NaN", "Infinity", "-Infinity", "-0.10", "1e-30", "1" * 60 + "." + "0" * 29 + "1"],
    "numeric(38,10)": ["9" * 28 + "." + "9" * 10, "-1.5"],
    "numeric(60,3)": ["9" * 57 + ".999", "NaN"],
    "numeric(5,-2)": ["1249", "-9999900"],
    "numeric(2,5)": ["0.00099"],
    "real": ["NaN", "Infinity", "-Infinity", "3.4028235e38", "1e-45", "0.1"],
    "double precision": ["NaN", "Infinity", "-Infinity", "1.7976931348623157e308", "5e-324", "0.1", "9007199254740993"],
    "money": ["-92233720368547758.08", "92233720368547758.07"],
    "date": ["4713-01-01 BC", "0044-03-15 BC", "0044-03-15", "1582-10-10", "2024-02-29", "5874897-12-31"],
    "time": ["00:00:00", "23:59:59.999999", "12:00:00.1"],
    "time(3)": ["23:59:59.123"],
    "timestamp": ["4713-01-01 BC", "0044-03-15 12:00:00.000001 BC", "1582-10-10 01:02:03", "294246-12-31"],
    "timestamp(0)": ["10000-01-01", "2024-02-29 23:59:59"],
    "timestamptz": ["4713-01-01+00 BC", "0044-03-15 12:00:00.000001+00 BC", "1582-10-10 01:02:03+01", "73000-12-31"],
    "interval": ["1 year 2 months 3 days 4:05:06.789012", "-1 year 5 days -0:00:00.000001", "25:00", "178000000 years"],
    "uuid": ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
    "json": ['{"b": 1,  "a": "\\u00e9", "a": 12345678901234567890.10}', "null", '"x"'],
    "jsonb": ['{"b": 1, "n": 12345678901234567890.10}', "null", "[]"],
    "bytea": ["", "\\x00ff10"],
    "text": ["", "null", 'tab\t "quotes" \\ new\nline é😀', "long " * 4000],
    "varchar(20)": ["äöü "],
    "char(5)": ["ab", ""],
    '"char"': ["x"],
    "name": ["a name"],
    "citext": ["MiXed"],
    "every.mood": ["sad", 'ok, "fine"'],
    "every.feeling": ["sad"],
    "every.amount": ["123.450"],
    "every.birthday": ["0044-03-15 BC"],
    "every.pair": ['(1,"x ""y""")'],
    "every.span": ["[1.5,2)"],
    "int4range": ["[1,5)", "empty", "(,)"],
    "int8range": ["[1,9223372036854775807)"],
    "numrange": ["[1.10,5)"],
    "daterange": ["[2024-01-01,infinity)", "[0044-03-15 BC,)"],
    "tsrange": ["[2024-01-01 00:00:00.000001,infinity]"],
    "tstzrange": ["[2024-01-01 00:00:00+00,2024-02-01 00:00:00+01)"],
    "int4multirange": ["{[1,5),[7,9)}"],
    "inet": ["192.168.0.1/24", "::1", "10.0.0.1"],
    "cidr": ["192.168.0.0/24", "10.0.0.1/32"],
    "macaddr": ["08:00:2b:01:02:03"],
    "macaddr8": ["08:00:2b:01:02:03:04:05"],
    "bit": ["1", "0"],
    "bit(10)": ["1010000001", "0000000001", "0000000000"],
    "hstore": ['a=>1, "b c"=>NULL, "q\\"x"=>"y"', ""],
    "ltree": ["a.b.c"],
    "tsvector": ["'a':1 'b':2"],
    "tsquery": ["'a' & 'b'"],
    "pg_lsn": ["16/B374D848"],
    "xid8": ["18446744073709551615"],
    "jsonpath": ['$."a"[*]'],
    "point": ["(1.5,-2)", "(NaN,Infinity)"],
}

# By type: values that Trino's type lacks; a view has them where the column is carried as text.
ONLY_AS_TEXT = {
    "numeric(10,2)": ["NaN", "1.50"],
    "date": ["infinity", "-infinity", "0044-03-15 BC", "10000-01-01"],
    "time": ["24:00:00", "12:00:00.5"],
    "timestamp": ["infinity", "-infinity", "0044-03-15 12:00:00.000001 BC"],
    "timestamptz": ["infinity", "-infinity", "0044-03-15 12:00:00.000001+00 BC", "10000-01-01 00:00:00+00"],
}

# By type: why it is refused.
REFUSED = {
    "time with time zone": "its offset is lost",
    "bit varying": "how long the value is",
    "oidvector": "an empty array",
    "polygon": "an encoding of their own",
    "regclass": "is not known",
    "integer[]": "drops the nulls of an array",
}

TYPED = {f"c{number}": kind for number, kind in enumerate(VALUES)}
AS_TEXT = {f"t{number}": kind for number, kind in enumerate(ONLY_AS_TEXT)}
COLUMNS = TYPED | AS_TEXT


def rows():
    """Return rows of values by column: the first of each type, the second of each, and so on, and one of nulls."""
    values = {name: VALUES[kind] for name, kind in TYPED.items()}
    values |= {name: ONLY_AS_TEXT[kind] for name, kind in AS_TEXT.items()}
    longest = max(map(len, values.values()))
    return [{name: each[at] for name, each in values.items() if at < len(each)} for at in range(longest + 1)]


def column_of(kind):
    """Return the column of a type that is not carried as text."""
    return next(name for name, each in TYPED.items() if each == kind)


def insert_rows(connection, table, first_id):
    """Insert the rows into a table, with ids from `first_id` on."""
    for number, row in enumerate(rows(), first_id):
        values = "".join(f", %s::text::{COLUMNS[name]}" for name in row)
        connection.execute(
            f"INSERT INTO {table} ({', '.join(['id', *row])}) VALUES (%s{values})", [number, *row.values()]
        )
