"""The service `people`, with several tables: each person has visits and a label, written in one transaction.

The keys of visits are numbers of all widths, chosen by the application; labels have a key of texts. It answers as
`people` does, so that the same clients can ask it; a person whose rows do not fit together is answered as `torn`.
"""

import random

import peewee
from flask import Flask, g, jsonify, request
from werkzeug.exceptions import HTTPException

from reference.customer_sharding.problems import problem_of_http
from reference.customer_sharding.requests.extension import Sharding
from reference.customer_sharding.requests.models import ShardedModel
from scenarios.customer_sharding.services.application import Person

VISITS, WIDEST = 2, 18  # visits of a person; digits of a visit's number
TABLES = """
CREATE TABLE visit (customer_id text NOT NULL, number bigint NOT NULL, person_id bigint NOT NULL REFERENCES person,
    address text NOT NULL, PRIMARY KEY (customer_id, number));
CREATE TABLE label (customer_id text NOT NULL, name text NOT NULL, address text NOT NULL,
    PRIMARY KEY (name, customer_id));
"""


class Visit(ShardedModel):
    customer_id = peewee.TextField()
    number = peewee.BigIntegerField()
    person_id = peewee.BigIntegerField()
    address = peewee.TextField()

    class Meta:
        primary_key = peewee.CompositeKey("customer_id", "number")


class Label(ShardedModel):
    customer_id = peewee.TextField()
    name = peewee.TextField()
    address = peewee.TextField()

    class Meta:
        primary_key = peewee.CompositeKey("name", "customer_id")


def create_app():
    app = Flask(__name__)
    sharding = Sharding(app)
    app.register_error_handler(HTTPException, problem_of_http)

    @app.get("/")
    @sharding.exempt
    def ready():
        return jsonify(ready=True)

    @app.put("/person/<customer_id>/<name>")
    def put(customer_id, name):
        address = request.get_json()["address"]
        with g.db.atomic():
            person = Person.get_or_none(Person.name == name)
            if person is None:
                person = Person.create(name=name, address=address, customer_id=customer_id)
                add_visits(person)
                Label.create(customer_id=customer_id, name=name, address=address)
            else:
                for model, condition in (
                    (Person, Person.id == person.id),
                    (Visit, Visit.person_id == person.id),
                    (Label, Label.name == name),
                ):
                    model.update(address=address).where(condition).execute()
        return jsonify(success=True)

    @app.delete("/person/<customer_id>/<name>")
    def delete(customer_id, name):  # noqa: ARG001 the extension has seen whose path it is
        with g.db.atomic():
            for person in Person.select().where(Person.name == name):
                Visit.delete().where(Visit.person_id == person.id).execute()
            Label.delete().where(Label.name == name).execute()
            Person.delete().where(Person.name == name).execute()
        return jsonify(success=True)

    @app.get("/person/<customer_id>/<name>")
    def get(customer_id, name):  # noqa: ARG001 likewise
        addresses = [person.address for person in Person.select().where(Person.name == name)]
        return jsonify(addresses=addresses)

    return app


def add_visits(person):
    """Add a person's visits, with numbers that the customer does not use yet: each client has its own."""
    client = int(person.name.rpartition("-")[2])
    for _ in range(VISITS):
        while True:
            number = 2 * random.randrange(10 ** random.randint(1, WIDEST)) + client % 2
            if Visit.get_or_none(Visit.number == number) is None:
                break
        Visit.create(customer_id=person.customer_id, number=number, person_id=person.id, address=person.address)
