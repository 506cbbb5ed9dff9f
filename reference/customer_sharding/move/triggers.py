"""The guard in a database: its own tables, and the trigger on each customers' table (see `guard`)."""

from __future__ import annotations

from collections.abc import Iterator

from reference.customer_sharding.credentials import Flavor
from reference.customer_sharding.guard import COPYING, LOCK_SPACE, OPEN, REFUSED_NUMBER, REFUSED_STATE

from .tables import Table, quoted


def own_tables(flavor: Flavor) -> Iterator[str]:
    """Yield the statements that make the guard's own tables where they are missing."""
    if flavor is Flavor.POSTGRES:
        text, number, keyed = "text", "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY", ""
    else:
        text, number, keyed = (
            "varchar(64)",
            "bigint AUTO_INCREMENT PRIMARY KEY",
            " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        )
    yield (
        f"CREATE TABLE IF NOT EXISTS sharding_customer (customer {text} PRIMARY KEY, state {text} NOT NULL, "
        f"epoch bigint NOT NULL, attempt bigint NOT NULL DEFAULT 0){keyed}"
    )
    yield (
        f"CREATE TABLE IF NOT EXISTS sharding_change (id {number}, customer {text} NOT NULL, relation {text} NOT NULL, "
        f"row_key text NOT NULL){keyed}"
    )
    yield (
        f"CREATE TABLE IF NOT EXISTS sharding_copied (customer {text} NOT NULL, relation {text} NOT NULL, "
        f"last_key text, done boolean NOT NULL, PRIMARY KEY (customer, relation)){keyed}"
    )


def triggers(flavor: Flavor, table: Table, identifier_field: str) -> Iterator[str]:
    """Yield the statements that put the guard on a table, anew where it is there already."""
    return _postgres(table, identifier_field) if flavor is Flavor.POSTGRES else _mysql(table, identifier_field)


def _postgres(table: Table, identifier_field: str) -> Iterator[str]:
    def quote(name: str) -> str:
        return quoted(Flavor.POSTGRES, name)

    def literal(value: str) -> str:
        return "'" + value.replace("'", "''") + "'"

    def key(row: str) -> str:
        return f"jsonb_build_array({', '.join(f'{row}.{quote(name)}::text' for name in table.key)})::text"

    def note(row: str) -> str:
        return (
            "INSERT INTO sharding_change (customer, relation, row_key) "
            f"VALUES ({row}.{column}::text, {literal(table.name)}, {key(row)});"
        )

    column, function = quote(identifier_field), quote(f"sharding_guard_{table.name}")
    select = "SELECT state INTO held FROM sharding_customer WHERE customer = who"
    yield f"""
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $guard$
DECLARE
  who text;
  held text;
BEGIN
  IF current_setting('sharding.mover', true) = 'on' THEN
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
  END IF;
  IF TG_OP = 'DELETE' THEN who := OLD.{column}::text; ELSE who := NEW.{column}::text; END IF;
  IF TG_OP = 'UPDATE' AND NEW.{column} IS DISTINCT FROM OLD.{column} THEN
    RAISE EXCEPTION 'a row does not change its customer' USING ERRCODE = 'check_violation';
  END IF;
  PERFORM pg_advisory_xact_lock_shared(hashtextextended(who, {LOCK_SPACE}));
  IF current_setting('transaction_isolation') = 'read committed' THEN {select};
  ELSE {select} FOR SHARE;
  END IF;
  IF held = '{OPEN}' THEN NULL;
  ELSIF held = '{COPYING}' THEN
    IF TG_OP <> 'INSERT' THEN {note("OLD")} END IF;
    IF TG_OP <> 'DELETE' THEN {note("NEW")} END IF;
  ELSE
    RAISE EXCEPTION 'customer % takes no writes here: %', who, coalesce(held, 'not placed')
      USING ERRCODE = '{REFUSED_STATE}';
  END IF;
  IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
  RETURN NEW;
END $guard$"""
    yield (
        f"CREATE OR REPLACE TRIGGER sharding_guard BEFORE INSERT OR UPDATE OR DELETE ON {quote(table.name)} "
        f"FOR EACH ROW EXECUTE FUNCTION {function}()"
    )


def _mysql(table: Table, identifier_field: str) -> Iterator[str]:
    def quote(name: str) -> str:
        return quoted(Flavor.MYSQL, name)

    def note(row: str) -> str:
        key = ", ".join(f"CAST({row}.{quote(name)} AS CHAR)" for name in table.key)
        return (
            "INSERT INTO sharding_change (customer, relation, row_key) "
            f"VALUES ({row}.{column}, '{table.name}', JSON_ARRAY({key}));"
        )

    column = quote(identifier_field)
    refuse = f"SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = {REFUSED_NUMBER}, MESSAGE_TEXT ="
    for event, rows in (("INSERT", ("NEW",)), ("UPDATE", ("OLD", "NEW")), ("DELETE", ("OLD",))):
        stays = (
            f"IF NOT NEW.{column} <=> OLD.{column} THEN SIGNAL SQLSTATE '45000' "
            "SET MESSAGE_TEXT = 'a row does not change its customer'; END IF;"
            if event == "UPDATE"
            else ""
        )
        # After the row, when its generated key is known; the refusal takes the row back with it.
        yield f"""
CREATE OR REPLACE TRIGGER {quote(f"sharding_guard_{table.name}_{event.lower()}")}
AFTER {event} ON {quote(table.name)} FOR EACH ROW
BEGIN
  DECLARE held VARCHAR(64) DEFAULT NULL;
  IF @sharding_mover IS NULL THEN
    {stays}
    SELECT state INTO held FROM sharding_customer WHERE customer = {rows[0]}.{column} LOCK IN SHARE MODE;
    IF held IS NULL OR held NOT IN ('{OPEN}', '{COPYING}') THEN
      {refuse} 'the customer takes no writes here';
    END IF;
    IF held = '{COPYING}' THEN {" ".join(map(note, rows))} END IF;
  END IF;
END"""
