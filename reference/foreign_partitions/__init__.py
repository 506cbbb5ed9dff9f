"""A PostgreSQL table partitioned by hash over several servers with `postgres_fdw`, and what keeps it sound."""
