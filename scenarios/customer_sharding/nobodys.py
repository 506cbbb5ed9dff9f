"""Saves a person who is nobody's, or tries to: `python -O -m scenarios.customer_sharding.nobodys WAY`.

Says what became of it: `saved`, or the name of the error. The environment says where.
"""

import sys

from reference.customer_sharding.models import save_with_db
from reference.customer_sharding.shard import Shard
from scenarios.customer_sharding import application, published


def save_as_published(**person):
    database = published.from_env_variables().db("1")
    published.save_with_db(published.Person(**person), database, force_insert=True)


def save_as_corrected(**person):
    with Shard.from_environment().session("1") as session:
        save_with_db(application.Person(**person), session.database, force_insert=True)


def main(way, *identifier):
    save = {"published": save_as_published, "corrected": save_as_corrected}[way]
    person = {"name": "Nobody", "address": "Nowhere", **({"customer_id": identifier[0]} if identifier else {})}
    try:
        save(**person)
    except Exception as error:  # noqa: BLE001 which one is what is asked
        return type(error).__name__
    return "saved"


if __name__ == "__main__":
    print(main(*sys.argv[1:]))  # noqa: T201
