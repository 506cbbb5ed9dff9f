"""SQL of the guard: its own tables, and the triggers on each customers' table (see `guard`).

On PostgreSQL each table gets three triggers. `sharding_guard` fires after the row is written, so that it sees the row
as the application's own triggers left it, with its key. The other two fire before and after the application's BEFORE
triggers when the mover writes: the first saves the row as it came from the source, the last restores it, so that a
trigger that sets `updated_at`, for example, does not change rows that are moved.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from reference.customer_sharding.credentials import Flavor
from reference.customer_sharding.guard import COPYING, FENCED, LOCK_SPACE, OPEN, REFUSED_NUMBER, REFUSED_STATE

from .tables import Table, exactly_quoted

# Triggers fire in the order of their names: these two are the first and the last.
GUARD, SAVE, RESTORE = "sharding_guard", " sharding_save", "~sharding_restore"
SPELLING = """SET datestyle = 'ISO' SET intervalstyle = 'postgres' SET timezone = 'UTC' SET extra_float_digits = 1
SET bytea_output = 'hex'"""
_WHERE_MISSING = """DO $$BEGIN
  IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'sharding_customer'::regclass AND attname = 'until') THEN
    {add};
  END IF;
END$$"""
LONGEST_NAME = 63  # bytes, of PostgreSQL's identifiers


def derived_name(prefix: str, table: str, suffix: str = "") -> str:
    """Return a name derived from a table's name; a name that is too long is cut, and made unique by a digest."""
    name = f"{prefix}{table}{suffix}"
    if len(name.encode()) <= LONGEST_NAME:
        return name
    digest = hashlib.sha256(table.encode()).hexdigest()[:12]
    room = LONGEST_NAME - len(prefix) - len(suffix) - len(digest) - 1
    return f"{prefix}{table.encode()[:room].decode(errors='ignore')}_{digest}{suffix}"


def mysql_guard_name(table: str, event: str) -> str:
    """Return the name of the guard's trigger for the event `insert`, `update` or `delete`."""
    return derived_name("sharding_guard_", table, f"_{event}")


def own_tables(flavor: Flavor) -> Iterator[str]:
    """Yield the statements that create those of the guard's own tables that are missing."""
    if flavor is Flavor.POSTGRES:
        text, number, moment, keyed = "text", "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "timestamptz", ""
    else:
        text, number, moment, keyed = (
            "varchar(64)",
            "bigint AUTO_INCREMENT PRIMARY KEY",
            "datetime(6)",
            " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        )
    yield (
        f"CREATE TABLE IF NOT EXISTS sharding_customer (customer {text} PRIMARY KEY, state {text} NOT NULL, "
        f"epoch bigint NOT NULL, attempt bigint NOT NULL DEFAULT 0, until {moment}){keyed}"
    )
    # A database that an earlier version prepared lacks this column. PostgreSQL would lock the table even if it has the
    # column, so the statement looks for the column first.
    add = f"ALTER TABLE sharding_customer ADD COLUMN IF NOT EXISTS until {moment}"
    yield add if flavor is Flavor.MYSQL else _WHERE_MISSING.format(add=add)
    yield (
        f"CREATE TABLE IF NOT EXISTS sharding_change (id {number}, customer {text} NOT NULL, relation {text} NOT NULL, "
        f"row_key text NOT NULL){keyed}"
    )
    yield (
        f"CREATE TABLE IF NOT EXISTS sharding_copied (customer {text} NOT NULL, relation {text} NOT NULL, "
        f"last_key text, done boolean NOT NULL, PRIMARY KEY (customer, relation)){keyed}"
    )


def triggers(flavor: Flavor, table: Table, identifier_field: str) -> Iterator[str]:
    """Yield the statements that create or replace the guard's triggers on a table."""
    return _postgres(table, identifier_field) if flavor is Flavor.POSTGRES else _mysql(table, identifier_field)


def _postgres(table: Table, identifier_field: str) -> Iterator[str]:
    def quote(name: str) -> str:
        return exactly_quoted(Flavor.POSTGRES, name)

    def literal(value: str) -> str:
        return "'" + value.replace("'", "''") + "'"

    column, function = quote(identifier_field), quote(derived_name("sharding_guard_", table.name))
    note = quote(derived_name("sharding_note_", table.name))
    key = ", ".join(f"written.{quote(name)}::text" for name in table.key)
    on = quote(table.name)
    select = f"""SELECT CASE WHEN state = '{FENCED}' AND until < clock_timestamp() THEN '{COPYING}' ELSE state END
    INTO held FROM sharding_customer WHERE customer = who"""
    # A writer's session settings must not change how keys are spelled, nor must its temporary tables hide the guard's
    # tables. The settings for keys are on a function of their own, so that they cost time only while the customer is
    # copied.
    settings = "" if identifier_field in table.stable else SPELLING
    yield "SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)"
    yield f"""
CREATE OR REPLACE FUNCTION {note}(written anyelement) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT
{SPELLING} AS $note$
BEGIN
  INSERT INTO sharding_change (customer, relation, row_key)
  VALUES (written.{column}::text, {literal(table.name)}, jsonb_build_array({key})::text);
END $note$"""
    yield f"""
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT {settings} AS $guard$
DECLARE
  who text;
  held text;
BEGIN
  IF current_setting('sharding.mover', true) = 'on' AND pg_has_role(session_user, current_user, 'MEMBER') THEN
    RETURN NULL;
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
    IF TG_OP <> 'INSERT' THEN PERFORM {note}(OLD); END IF;
    IF TG_OP <> 'DELETE' THEN PERFORM {note}(NEW); END IF;
  ELSE
    RAISE EXCEPTION 'customer % takes no writes here: %', who, coalesce(held, 'not placed')
      USING ERRCODE = '{REFUSED_STATE}';
  END IF;
  RETURN NULL;
END $guard$"""
    yield (
        f"CREATE OR REPLACE TRIGGER {GUARD} AFTER INSERT OR UPDATE OR DELETE ON {on} "
        f"FOR EACH ROW EXECUTE FUNCTION {function}()"
    )
    kept = literal("sharding.row_" + hashlib.sha256(table.name.encode()).hexdigest()[:16])
    bodies = (
        (SAVE, "sharding_save_", f"PERFORM set_config({kept}, NEW::text, true);"),
        (RESTORE, "sharding_restore_", f"NEW := current_setting({kept})::{on};"),
    )
    for trigger, prefix, body in bodies:
        each = quote(derived_name(prefix, table.name))
        yield f"""
CREATE OR REPLACE FUNCTION {each}() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $guard$
BEGIN {body} RETURN NEW; END $guard$"""
        yield (
            f"CREATE OR REPLACE TRIGGER {quote(trigger)} BEFORE INSERT OR UPDATE ON {on} FOR EACH ROW "
            f"WHEN (current_setting('sharding.mover', true) = 'on') EXECUTE FUNCTION {each}()"
        )


def _mysql(table: Table, identifier_field: str) -> Iterator[str]:
    def quote(name: str) -> str:
        return exactly_quoted(Flavor.MYSQL, name)

    def note(row: str) -> str:
        key = ", ".join(f"CAST({row}.{quote(name)} AS CHAR)" for name in table.key)
        return (
            "INSERT INTO sharding_change (customer, relation, row_key) "
            f"VALUES ({row}.{column}, '{escaped}', JSON_ARRAY({key}));"
        )

    escaped = table.name.replace("\\", "\\\\").replace("'", "''")
    column = quote(identifier_field)
    refuse = f"SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = {REFUSED_NUMBER}, MESSAGE_TEXT ="
    for event, rows in (("INSERT", ("NEW",)), ("UPDATE", ("OLD", "NEW")), ("DELETE", ("OLD",))):
        stays = (
            f"IF NOT BINARY NEW.{column} <=> BINARY OLD.{column} THEN SIGNAL SQLSTATE '45000' "
            "SET MESSAGE_TEXT = 'a row does not change its customer'; END IF;"
            if event == "UPDATE"
            else ""
        )
        # The trigger fires AFTER, since a generated key is not known earlier; a refusal rolls the row back. The mover
        # is recognized by its variable and by its user, who created the trigger: any user could set the variable.
        yield f"""
CREATE OR REPLACE TRIGGER {quote(mysql_guard_name(table.name, event.lower()))}
AFTER {event} ON {quote(table.name)} FOR EACH ROW
BEGIN
  DECLARE held VARCHAR(64) DEFAULT NULL;
  IF NOT (COALESCE(@sharding_mover, 0) = 1
          AND SUBSTRING_INDEX(USER(), '@', 1) = SUBSTRING_INDEX(CURRENT_USER(), '@', 1)) THEN
    {stays}
    SELECT IF(state = '{FENCED}' AND until < UTC_TIMESTAMP(6), '{COPYING}', state) INTO held
    FROM sharding_customer WHERE customer = CONVERT({rows[0]}.{column} USING utf8mb4) COLLATE utf8mb4_bin
    AND BINARY customer = BINARY CONVERT({rows[0]}.{column} USING utf8mb4) LOCK IN SHARE MODE;
    IF held IS NULL OR held NOT IN ('{OPEN}', '{COPYING}') THEN
      {refuse} 'the customer takes no writes here';
    END IF;
    IF held = '{COPYING}' THEN {" ".join(map(note, rows))} END IF;
  END IF;
END"""
