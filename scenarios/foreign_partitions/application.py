"""A small service that inserts one person per request, into the only database it knows: that of `DATABASE`."""

import itertools
import os
import threading

import psycopg
from flask import Flask, jsonify, request

# Quarters in turn, so that one process gives each partition exactly a quarter of the rows.
QUARTERS = itertools.cycle((1, 2, 3, 4))
INSERT = "INSERT INTO person (quarter, name, address, customer_id) VALUES (%s, %s, %s, %s)"


def create_app():
    app = Flask(__name__)
    of_thread = threading.local()

    def connection():
        if getattr(of_thread, "connection", None) is None or of_thread.connection.closed:
            of_thread.connection = psycopg.connect(os.environ["DATABASE"], autocommit=True)
        return of_thread.connection

    @app.get("/")
    def ready():
        return jsonify(ready=True)

    @app.post("/person")
    def insert():
        customer = request.headers.get("X-Customer-ID")
        if not customer:
            return jsonify(error="the header X-Customer-ID is missing"), 400
        connection().execute(INSERT, [next(QUARTERS), "Ada", "12 St James's Square", customer])
        return jsonify(success=True)

    return app
