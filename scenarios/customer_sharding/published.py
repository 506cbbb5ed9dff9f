"""The document's library, service, sharding service and load: the same calls and values, in our own code.

Only the ports of the databases can be set from outside, since all run on one machine. Host names resolve to this
machine by libpq's PGHOSTADDR. Not in the document: `PlainPerson`, the model without the document's metadata, and
`/people`, a view that forgets to bind.
"""

import json
import os
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from enum import StrEnum

import requests
from flask import Blueprint, Flask, g, request
from peewee import BigAutoField, Model, MySQLDatabase, PostgresqlDatabase, TextField
from playhouse.shortcuts import ThreadSafeDatabaseMetadata

from scenarios.customer_sharding.services.save_barrier import SaveBarrier

# The library


class ShardingMode(StrEnum):
    API = "api"
    STANDALONE = "standalone"


class DatabaseFlavor(StrEnum):
    POSTGRES = "postgres"
    MYSQL = "mysql"


@dataclass(frozen=True)
class DBCredentials:
    host: str
    port: int
    user: str
    password: str
    database: str
    flavor: str


@dataclass(frozen=True)
class StandaloneConfig(DBCredentials):
    pass


@dataclass(frozen=True)
class APIConfig:
    endpoint: str


@dataclass(frozen=True)
class Shard:
    config: APIConfig | StandaloneConfig
    identifier_field: str

    def db(self, identifier):
        credentials = self._credentials(identifier)
        entry = asdict(credentials)
        flavor = entry.pop("flavor")
        if flavor == DatabaseFlavor.POSTGRES:
            return PostgresqlDatabase(**entry)
        if flavor == DatabaseFlavor.MYSQL:
            return MySQLDatabase(**entry)
        return None

    def _credentials(self, identifier):
        if isinstance(self.config, StandaloneConfig):
            return DBCredentials(**asdict(self.config))
        answer = requests.get(f"{self.config.endpoint}/write/{identifier!s}")
        answer.raise_for_status()
        return DBCredentials(**answer.json())


def from_env_variables():
    mode = os.environ.get("SHARDING_MODE")
    identifier_field = os.environ.get("SHARDING_IDENTIFIER_FIELD")
    if mode == ShardingMode.API:
        return Shard(APIConfig(os.environ.get("SHARDING_API_ENDPOINT")), identifier_field)
    if mode == ShardingMode.STANDALONE:
        names = ("host", "port", "user", "password", "database", "flavor")
        entry = {name: os.environ.get(f"SHARDING_{name.upper()}") for name in names}
        return Shard(StandaloneConfig(**{**entry, "port": int(entry["port"])}), identifier_field)
    return None


def save_with_db(instance, db, force_insert=False):
    identifier = getattr(instance, os.environ.get("SHARDING_IDENTIFIER_FIELD"))
    assert identifier, "the instance names no customer"
    with db.bind_ctx([instance.__class__]):
        instance.save(force_insert=force_insert)


# The service

STREETS = ("St James's Square", "Dorset Street", "Great Titchfield Street")


def random_person():
    """Return a random name and address."""
    number = random.randrange(10**6)
    return {"name": f"Ada {number}", "address": f"{number} {random.choice(STREETS)}"}


class Person(SaveBarrier, Model):
    class Meta:
        model_metadata_class = ThreadSafeDatabaseMetadata

    id = BigAutoField(primary_key=True)
    name = TextField()
    address = TextField()
    customer_id = TextField()


class PlainPerson(SaveBarrier, Model):
    class Meta:
        table_name = "person"

    id = BigAutoField(primary_key=True)
    name = TextField()
    address = TextField()
    customer_id = TextField()


def create_app():
    shard = from_env_variables()
    api = Blueprint("api", __name__)

    @api.before_app_request
    def connect():
        g.db = shard.db(identifier=request.headers.get("X-Customer-ID"))

    @api.after_app_request
    def close(response):
        g.db.close()
        return response

    @api.post("/person/<string:customer_id>")
    def post_person(customer_id):
        save_with_db(Person(**random_person(), customer_id=customer_id), db=g.db, force_insert=True)
        return {"success": True}

    @api.post("/plain/<string:customer_id>")
    def post_plain(customer_id):
        save_with_db(PlainPerson(**random_person(), customer_id=customer_id), db=g.db, force_insert=True)
        return {"success": True}

    @api.get("/people")
    def people():
        # A fresh thread, such as one of a pool.
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(lambda: [person.customer_id for person in Person.select()]).result()

    app = Flask(__name__)
    app.register_blueprint(api)
    return app


# The sharding service


def create_sharding_service():
    """Create the service; PORTS has the databases' ports by identifier, PORT is for all others."""
    ports = json.loads(os.environ.get("PORTS", "{}"))
    app = Flask(__name__)

    @app.get("/write/<string:identifier>")
    def get_write_db(identifier):
        return {
            "host": f"postgres_{identifier}",
            "port": ports.get(identifier, int(os.environ.get("PORT", "5432"))),
            "flavor": "postgres",
            "user": "postgres",
            "password": "my-secret-pw",
            "database": "postgres",
        }

    return app


# The table, and the load

TABLE = """
CREATE TABLE person (
    id BIGSERIAL PRIMARY KEY,
    name TEXT NOT NULL,
    address TEXT NOT NULL,
    customer_id TEXT NOT NULL
)
"""
CUSTOMERS = ("1", "2", "3")
REQUESTS = 1000
AT_ONCE = 100


def bench(url, number=REQUESTS, at_once=AT_ONCE):
    """Return the script that starts three loads in the background."""
    line = 'ab -p /dev/null -T "Content-Type: application/json" -n {} -c {} -H "X-Customer-ID: {}" {}/person/{} &'
    return "\n".join(["#!/bin/sh", *(line.format(number, at_once, each, url, each) for each in CUSTOMERS), ""])
