"""Query plans as JSON, and functions that read them."""

from psycopg import sql


def explained(connection, statement, parameters=()):
    """Return the server's plan of a statement."""
    if isinstance(statement, str):
        statement = sql.SQL(statement)
    explain = sql.SQL("EXPLAIN (FORMAT JSON, VERBOSE) {}").format(statement)
    return connection.execute(explain, parameters).fetchone()[0][0]["Plan"]


def nodes(plan):
    """Yield all nodes of a plan."""
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def visited(plan):
    """Return the tables that a plan reads, sorted."""
    return sorted({node["Relation Name"] for node in nodes(plan) if "Relation Name" in node})


def remote_sql(plan):
    """Return the statements that a plan sends to other servers."""
    return [node["Remote SQL"] for node in nodes(plan) if "Remote SQL" in node]
