"""The document's artifacts with its own keys and values; only the addresses are those of `environment.toml`.

The artifacts are the files in `as_published`. The document keeps its views in AWS Glue and S3 and tells the reader to
replace them: here they are in a Hive metastore and an S3 server of our own. Of Pinot's table the document shows only
the transforms; the other keys are ours.
"""

import json
from pathlib import Path

FILES = Path(__file__).parent / "as_published"

DDL = """
CREATE TABLE {name} (
    id bigserial NOT NULL, customer_id bigint NOT NULL, name text NOT NULL{more}, PRIMARY KEY (id, customer_id)
)
"""

PEOPLE = [(1, "Fasih"), (2, "Alice"), (3, "Bob")]

VIEW_ROWS = [(1, 1, "Fasih", "r"), (2, 2, "Alice", "r"), (3, 3, "Bob", "r")]

# The document mentions an order table without showing it.
ORDER_DDL = """
CREATE TABLE {name} (
    id bigserial NOT NULL, customer_id bigint NOT NULL, placed timestamptz NOT NULL, amount double precision NOT NULL,
    PRIMARY KEY (id, customer_id)
)
"""

PINOT_CATALOG = (FILES / "pinot.sql").read_text().replace("CATALOG pinot", "CATALOG {name}")

HIVE_CATALOG = (FILES / "hive.sql").read_text().replace("CATALOG hive", "CATALOG {name}")

# The document's own metastore: the Glue API, served by moto, which accepts any access keys.
GLUE_CATALOG = HIVE_CATALOG.replace(
    """  "hive.metastore" = 'thrift',
  "hive.metastore.uri" = 'thrift://hive:9083',
""",
    """  "hive.metastore" = 'glue',
  "hive.metastore.glue.region" = 'us-east-1',
  "hive.metastore.glue.endpoint-url" = 'http://glue:5000',
  "hive.metastore.glue.aws-access-key" = 'any',
  "hive.metastore.glue.aws-secret-key" = 'any',
""",
)

VIEW = (FILES / "view.sql").read_text().replace("person", "{name}")


def connector(name="person"):
    """Return the connector of a table, with a slot and a publication of its own, so that several can run at once."""
    own = {"slot.name": f"platform_{name}", "publication.name": f"platform_{name}"}
    if name != "person":
        own["topic.prefix"] = f"user_service_{name}"
    artifact = _of_table("connector.json", name)
    return {**artifact, "config": {**artifact["config"], **own}}


def schema(name="person"):
    return _of_table("schema.json", name)


def table(name="person"):
    return _of_table("table.json", name)


def _of_table(file, name):
    return json.loads((FILES / file).read_text().replace("person", name))
