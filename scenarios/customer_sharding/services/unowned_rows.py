"""Try to save rows that name no customer: `python -O -m scenarios.customer_sharding.services.unowned_rows WAY`.

Prints the outcome of each: `saved`, or the name of the error. The database is set by the environment.
"""

import json
import sys

from reference.customer_sharding.requests.models import save_with_db
from reference.customer_sharding.requests.shard import Shard
from scenarios.customer_sharding import published
from scenarios.customer_sharding.services import application

# The identifier field is not set, or set to nothing.
UNOWNED = {"not set": {}, "empty": {"customer_id": ""}}


def save_as_published(**person):
    database = published.from_env_variables().db("1")
    published.save_with_db(published.Person(**person), database, force_insert=True)


def save_as_corrected(**person):
    with Shard.from_environment().session("1") as session:
        save_with_db(application.Person(**person), session.database, force_insert=True)


def became(save, fields):
    try:
        save(name="Nobody", address="Nowhere", **fields)
    except Exception as error:  # noqa: BLE001 the name of any error is the outcome
        return type(error).__name__
    return "saved"


def main(way):
    save = {"published": save_as_published, "corrected": save_as_corrected}[way]
    print(json.dumps({name: became(save, fields) for name, fields in UNOWNED.items()}))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
