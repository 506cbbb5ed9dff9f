"""Saves people who are nobody's, or tries to: `python -O -m scenarios.customer_sharding.nobodys WAY`.

Says what became of each: `saved`, or the name of the error. The environment says where.
"""

import json
import sys

from reference.customer_sharding.models import save_with_db
from reference.customer_sharding.shard import Shard
from scenarios.customer_sharding import application, published

# The identifier field is not set, or set to nothing.
NOBODYS = {"not set": {}, "empty": {"customer_id": ""}}


def save_as_published(**person):
    database = published.from_env_variables().db("1")
    published.save_with_db(published.Person(**person), database, force_insert=True)


def save_as_corrected(**person):
    with Shard.from_environment().session("1") as session:
        save_with_db(application.Person(**person), session.database, force_insert=True)


def became(save, nobody):
    try:
        save(name="Nobody", address="Nowhere", **nobody)
    except Exception as error:  # noqa: BLE001 which one is what is asked
        return type(error).__name__
    return "saved"


def main(way):
    save = {"published": save_as_published, "corrected": save_as_corrected}[way]
    print(json.dumps({name: became(save, nobody) for name, nobody in NOBODYS.items()}))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
