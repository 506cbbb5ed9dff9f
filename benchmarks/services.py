"""Two Flask services that save a row for each request: with the library, and with one pool to a fixed database."""

import os

from flask import Flask, g
from peewee import BigAutoField, Model, TextField
from playhouse.pool import PooledPostgresqlDatabase

from reference.customer_sharding.requests.extension import Sharding
from reference.customer_sharding.requests.models import ShardedModel, save_with_db

PERSON = {"name": "Ada", "address": "12 St James's Square"}


def create_sharded():
    """Save to each customer's database by the library, with its settings."""

    class Person(ShardedModel):
        id = BigAutoField()
        name = TextField()
        address = TextField()
        customer_id = TextField()

    app = Flask(__name__)
    Sharding(app)

    @app.post("/person/<string:customer_id>")
    def post_person(customer_id):
        save_with_db(Person(**PERSON, customer_id=customer_id), db=g.db, force_insert=True)
        return {"success": True}

    return app


def create_fixed():
    """Save to one database for all, with as many connections as threads; settings are HOST, PORT, DATABASE, and so on.

    The pool has its default settings: it pings each connection before use, a round trip that the library saves.
    """
    entry = {name: os.environ[name.upper()] for name in ("host", "user", "password")}
    pool = {"max_connections": int(os.environ["THREADS"]), "stale_timeout": 300, "autoconnect": False}
    database = PooledPostgresqlDatabase(
        os.environ["DATABASE"], port=int(os.environ["PORT"]), prefer_psycopg3=True, **entry, **pool
    )

    class Person(Model):
        id = BigAutoField()
        name = TextField()
        address = TextField()
        customer_id = TextField()

        class Meta:
            database = None

    Person.bind(database)
    app = Flask(__name__)

    @app.before_request
    def connect():
        database.connect()

    @app.teardown_request
    def close(_):
        database.close()

    @app.post("/person/<string:customer_id>")
    def post_person(customer_id):
        Person(**PERSON, customer_id=customer_id).save(force_insert=True)
        return {"success": True}

    return app
