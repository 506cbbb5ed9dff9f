"""The document's calls of the published package, its bucket and its directories.

The package runs in an environment of its own, so nothing but the standard library is imported at the top.
"""

BUCKET = "yoyo-migrations"

#: The two files of the first example: one creates a table, the next inserts a row.
EXAMPLE = {
    "001-create-table.sql": "CREATE TABLE person (id bigint PRIMARY KEY, name text NOT NULL);",
    "002-insert-row.sql": "INSERT INTO person (id, name) VALUES (1, 'Alice');",
}

#: The directories of the workflow: the stage has one migration more than production.
WORKFLOW = {
    "order_service/prod": {"001-create-table.sql": "CREATE TABLE orders (id bigint PRIMARY KEY);"},
    "order_service/stage": {
        "001-create-table.sql": "CREATE TABLE orders (id bigint PRIMARY KEY);",
        "002-add-column.sql": "ALTER TABLE orders ADD COLUMN state text;",
    },
}


def ids(paths, **options):
    """Return the ids of the migrations that the package reads."""
    from yoyo_cloud import read_s3_migrations

    return [each.id for each in read_s3_migrations(paths=paths, **options)]


def apply(paths, url):
    """Apply what is outstanding, under yoyo's lock."""
    from yoyo import get_backend
    from yoyo_cloud import read_s3_migrations

    migrations = read_s3_migrations(paths=paths)
    backend = get_backend(url)
    with backend.lock():
        backend.apply_migrations(backend.to_apply(migrations))
