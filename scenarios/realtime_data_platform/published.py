"""The document's artifacts with its own keys and values; only the addresses are those of the run's services.

The files name the services' addresses in containers. Where the services run as processes they have others: `peers`
carries them, each function replaces address by address, and a port is written out where it is not the usual one.

The artifacts are the files in `as_published`. The document keeps its views in AWS Glue and S3 and tells the reader to
replace them: here they are in a Hive metastore and an S3 server of our own. Of Pinot's table the document shows only
the transforms; the other keys are ours.
"""

import json
from pathlib import Path

from reference.realtime_data_platform.stream.artifacts import Peers

IN_CONTAINERS = Peers()
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

VIEW = (FILES / "view.sql").read_text().replace("person", "{name}")


def connector(peers, name="person"):
    """Return the connector of a table, with a slot and a publication of its own, so that several can run at once."""
    own = {"slot.name": f"platform_{name}", "publication.name": f"platform_{name}"}
    if name != "person":
        own["topic.prefix"] = f"user_service_{name}"
    host, _, port = peers.postgres.rpartition(":")
    own["database.hostname"] = host
    if port != "5432":
        own["database.port"] = port
    artifact = _of_table("connector.json", peers, name)
    return {**artifact, "config": {**artifact["config"], **own}}


def schema(peers, name="person"):
    return _of_table("schema.json", peers, name)


def table(peers, name="person"):
    return _of_table("table.json", peers, name)


def pinot_catalog(peers, name="pinot"):
    statement = _with_addresses((FILES / "pinot.sql").read_text(), peers).replace("CATALOG pinot", f"CATALOG {name}")
    if peers.pinot_grpc_port != IN_CONTAINERS.pinot_grpc_port:
        statement = statement.replace("WITH (", f"WITH (\n  \"pinot.grpc.port\" = '{peers.pinot_grpc_port}',")
    return statement


def hive_catalog(peers, name="hive"):
    return _with_addresses((FILES / "hive.sql").read_text(), peers).replace("CATALOG hive", f"CATALOG {name}")


def glue_catalog(peers, glue, name="glue"):
    """Return the catalog on the document's own metastore: the Glue API, served by moto, which accepts any keys."""
    on_hive = f"""  "hive.metastore" = 'thrift',
  "hive.metastore.uri" = '{peers.metastore}',
"""
    on_glue = f"""  "hive.metastore" = 'glue',
  "hive.metastore.glue.region" = 'us-east-1',
  "hive.metastore.glue.endpoint-url" = '{glue}',
  "hive.metastore.glue.aws-access-key" = 'any',
  "hive.metastore.glue.aws-secret-key" = 'any',
"""
    return hive_catalog(peers, name).replace(on_hive, on_glue)


def _of_table(file, peers, name):
    return json.loads(_with_addresses((FILES / file).read_text().replace("person", name), peers))


def _with_addresses(text, peers):
    """Replace the addresses that the files have by those of the run."""
    for field in ("kafka", "pinot_controller", "metastore", "s3"):
        text = text.replace(getattr(IN_CONTAINERS, field), getattr(peers, field))
    return text
