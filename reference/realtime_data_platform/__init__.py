"""From a commit in PostgreSQL to a row in a Trino view, from one description of a table."""
