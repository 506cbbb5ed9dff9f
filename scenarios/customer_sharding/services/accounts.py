"""The service `people`, with several tables: each person has visits and a label, written in one transaction.

The keys of visits are numbers of all widths, chosen by the application; labels have a key of texts. The service answers
as `people` does, so that the same clients can ask it.
"""

import random

import peewee

from reference.customer_sharding.requests.models import ShardedModel
from scenarios.customer_sharding.services.application import Person
from scenarios.customer_sharding.services.people import application

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
    return application(save, remove)


def save(customer_id, name, address):
    person = Person.get_or_none(Person.name == name)
    if person is None:
        person = Person.create(name=name, address=address, customer_id=customer_id)
        add_visits(person)
        Label.create(customer_id=customer_id, name=name, address=address)
        return
    for model, condition in (
        (Person, Person.id == person.id),
        (Visit, Visit.person_id == person.id),
        (Label, Label.name == name),
    ):
        model.update(address=address).where(condition).execute()


def remove(name):
    for person in Person.select().where(Person.name == name):
        Visit.delete().where(Visit.person_id == person.id).execute()
    Label.delete().where(Label.name == name).execute()
    Person.delete().where(Person.name == name).execute()


def add_visits(person):
    """Add a person's visits, with numbers that the customer does not use yet: each client has its own."""
    client = int(person.name.rpartition("-")[2])
    for _ in range(VISITS):
        while True:
            number = 2 * random.randrange(10 ** random.randint(1, WIDEST)) + client % 2
            if Visit.get_or_none(Visit.number == number) is None:
                break
        Visit.create(customer_id=person.customer_id, number=number, person_id=person.id, address=person.address)
