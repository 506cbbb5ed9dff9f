"""Moves between two databases of a MariaDB server: the customers, the rows to write, and a move to its end."""

import contextlib

from reference.customer_sharding.move.moving import Mover

SMALL, CAPITAL, OTHER = "acme", "Acme", "globex"  # customers
PERSON = "INSERT INTO person (customer_id, name, address) VALUES (%s, %s, %s)"
READING = "INSERT INTO reading (customer_id, number) VALUES (%s, %s)"
TICKET = "INSERT INTO ticket (code, seat, customer_id) VALUES (%s, %s, %s)"
READINGS = """INSERT INTO reading
    (customer_id, number, person, price, ratio, part, taken, noted, day, lasted, year, kind, flags, bits, small, note,
     content, facts, code)
    SELECT %s, POW(-7, seq), NULL, 12345678901234567890.0123456789 / seq, 1 / (seq + 2), 1 / (seq + 2),
    '2026-11-27 12:00:00.000001', '2026-11-27 12:00:00.000001', '2026-02-28', '-838:59:59', 2026, 'b', 'x,y', b'101',
    seq, CONCAT('Größe 😀 ', seq, CHAR(39), CHAR(92)), UNHEX('00FF27'), '{"a": [1.0, null]}', 'x' FROM seq_1_to_20"""
# All of a row as bytes, each column for itself; what the server's text form would hide is seen.
READ = """SELECT HEX(customer_id), number, person, price, HEX(CAST(ratio * 1e15 AS CHAR)), CAST(part AS DOUBLE), taken,
    noted, day, lasted, year, kind, flags, HEX(bits), small, HEX(note), HEX(content), facts, HEX(code), doubled
    FROM reading ORDER BY number"""


def move(store, customer, target="there", **options):
    store.begin_move(customer, target, lease=0.05, drain=0.0)
    with contextlib.closing(Mover(store, customer, **options)) as mover:
        mover.run(10)
