"""The document's service, built on the library: the same paths and answers, and the reading that it only mentions.

The extension identifies the customer, finds the database, returns the connection and refuses bad requests. All settings
come from the environment: see `reference.customer_sharding.settings`.
"""

from concurrent.futures import ThreadPoolExecutor

from flask import Flask, g
from peewee import BigAutoField, TextField

from reference.customer_sharding.requests.extension import Sharding
from reference.customer_sharding.requests.models import ShardedModel, save_with_db
from scenarios.customer_sharding.published import random_person
from scenarios.customer_sharding.services.save_barrier import SaveBarrier


class Person(SaveBarrier, ShardedModel):
    id = BigAutoField(primary_key=True)
    name = TextField()
    address = TextField()
    customer_id = TextField()


def create_app():
    app = Flask(__name__)
    sharding = Sharding(app)

    @app.get("/health")
    @sharding.exempt
    def health():
        return {"status": "up"}

    @app.post("/person/<string:customer_id>")
    def post_person(customer_id):
        save_with_db(Person(**random_person(), customer_id=customer_id), db=g.db, force_insert=True)
        return {"success": True}

    app.add_url_rule("/plain/<string:customer_id>", "plain", post_person, methods=["POST"])

    @app.get("/person/<string:customer_id>")
    def get_person(customer_id):  # noqa: ARG001 see below
        # The extension has checked that header and path name the same customer; the model selects that one's rows.
        return list(Person.select().order_by(Person.id).dicts())

    @app.get("/people")
    def people():
        # Forgets to bind: a fresh thread, such as one of a pool.
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(lambda: [person.customer_id for person in Person.select()]).result()

    return app
