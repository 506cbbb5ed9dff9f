"""A small service, the published way or the corrected one: the processes of the scenario.

`main`  serves on PORT until SIGTERM; it touches the file MADE once the factory is through, and listens when the
file MAY_LISTEN is there. A request for its long answer touches ASKED and reads MAY_ANSWER, a pipe: it waits in one
system call, as for a slow database. `create_app` is also
what gunicorn's workers call, or its master with `--preload`. WAY says which way, LISTENER which of the published
listeners, START_IN where the corrected one starts: in the `factory` or in the hook of gunicorn's `worker`.
"""

import logging
import os
import signal
import sys
from pathlib import Path

import requests
from flask import Flask, jsonify
from werkzeug.serving import make_server

from fixtures.waiting import eventually
from reference.service_discovery.errors import DiscoveryError
from reference.service_discovery.flask import ServiceDiscovery
from scenarios.service_discovery import published


def create_app():
    """Create the application, which registers itself in the published or the corrected way."""
    app, find, call, facts = {"published": published_app, "corrected": corrected_app}[os.environ["WAY"]]()

    @app.get("/")
    def who():
        return jsonify(service=os.environ["SERVICE"], port=int(os.environ["PORT"]), pid=os.getpid())

    @app.get("/facts")
    def facts_():
        state, session = facts()
        return jsonify(state=state, session=session, pid=os.getpid())

    @app.get("/collapse")
    def collapse():
        os._exit(1)

    @app.get("/long")
    def long():
        Path(os.environ["ASKED"]).touch()
        Path(os.environ["MAY_ANSWER"]).read_bytes()
        return jsonify("a long answer")

    @app.get("/find/<name>")
    def find_(name):
        found = find(name)
        return jsonify(found and [found.host, found.port])

    @app.get("/call/<name>")
    def call_(name):
        return jsonify(call(name))

    return app


def published_app():
    published.HOSTS = os.environ["ZOOKEEPER"]
    published.listener = getattr(published, os.environ["LISTENER"])
    app = published.create_app()

    def facts():
        return published._zk.state, published._zk.client_id and published._zk.client_id[0]

    return app, published.find, published.call, facts


def corrected_app():
    app = Flask(os.environ["SERVICE"])
    discovery = ServiceDiscovery(app, start=os.environ["START_IN"] == "factory")

    def call(name):
        return requests.get(discovery.lookup.require(name).url, timeout=5).json()

    @app.errorhandler(DiscoveryError)
    def unavailable(error):
        return jsonify(error=str(error)), 503

    connection = discovery.connection
    return app, discovery.lookup.find, call, lambda: (connection.client().state, connection.session)


def post_worker_init(worker):
    """Start the extension in a worker: gunicorn's hook, where this module is its configuration."""
    if os.environ["START_IN"] == "worker":
        worker.wsgi.extensions["service_discovery"].start()


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # an orderly end, as gunicorn's workers have it
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = create_app()
    Path(os.environ["MADE"]).touch()
    eventually(Path(os.environ["MAY_LISTEN"]).exists, within=60, every=0.01)
    make_server("0.0.0.0", int(os.environ["PORT"]), app, threaded=True).serve_forever()
