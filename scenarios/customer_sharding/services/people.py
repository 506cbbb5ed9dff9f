"""A service that inserts, reads and deletes people by name, for clients whose customer moves meanwhile."""

from flask import Flask, g, jsonify, request
from werkzeug.exceptions import HTTPException

from reference.customer_sharding.problems import problem_of_http
from reference.customer_sharding.requests.extension import Sharding
from scenarios.customer_sharding.services.application import Person


def create_app():
    return application(save, remove)


def save(customer_id, name, address):
    if not Person.update(address=address).where(Person.name == name).execute():
        Person.create(name=name, address=address, customer_id=customer_id)


def remove(name):
    Person.delete().where(Person.name == name).execute()


def application(save, remove):
    """Create the service, given the functions that save and remove a person; it calls each in a transaction."""
    app = Flask(__name__)
    sharding = Sharding(app)
    app.register_error_handler(HTTPException, problem_of_http)

    @app.get("/")
    @sharding.exempt
    def ready():
        return jsonify(ready=True)

    @app.put("/person/<customer_id>/<name>")
    def put(customer_id, name):
        with g.db.atomic():
            save(customer_id, name, request.get_json()["address"])
        return jsonify(success=True)

    @app.delete("/person/<customer_id>/<name>")
    def delete(customer_id, name):  # noqa: ARG001 the extension compares it with the header
        with g.db.atomic():
            remove(name)
        return jsonify(success=True)

    @app.get("/person/<customer_id>/<name>")
    def get(customer_id, name):  # noqa: ARG001 likewise
        addresses = [person.address for person in Person.select().where(Person.name == name)]
        return jsonify(addresses=addresses)

    return app
