"""The document's statements on both servers and its load, with its names and values, in our own code."""

SERVER = "postgres_5"
CUSTOMER_ID = "4"
REQUESTS = 5000
AT_ONCE = 100

COLUMNS = """
    id BIGSERIAL NOT NULL,
    quarter BIGINT NOT NULL,
    name TEXT NOT NULL,
    address TEXT NOT NULL,
    customer_id TEXT NOT NULL
"""

EXTENSION = "CREATE EXTENSION postgres_fdw"
# There the host is enough: the port is the default one.
FOREIGN_SERVER = (
    "CREATE SERVER postgres_5 FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host {}, port {}, dbname 'postgres')"
)
USER_MAPPING = "CREATE USER MAPPING FOR postgres SERVER postgres_5 OPTIONS (user 'postgres', password {})"
BASE = f"CREATE TABLE person ({COLUMNS}) PARTITION BY HASH (quarter)"
LOCAL = [f"CREATE TABLE person_{n} PARTITION OF person FOR VALUES WITH (MODULUS 4, REMAINDER {n})" for n in (0, 1)]
REMOTE = [f"CREATE TABLE person_{n} ({COLUMNS})" for n in (2, 3)]
FOREIGN = [
    f"CREATE FOREIGN TABLE person_{n} PARTITION OF person FOR VALUES WITH (MODULUS 4, REMAINDER {n}) SERVER {SERVER}"
    for n in (2, 3)
]

COUNT = "SELECT COUNT(*) FROM person"
