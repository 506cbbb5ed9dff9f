"""The service on the library, for `gunicorn --preload`: it has used its connections before its workers fork."""

import os

from scenarios.customer_sharding.services import application

FIRST = "before-the-fork"  # a customer


def create_app():
    app = application.create_app()

    @app.after_request
    def name_worker(response):
        response.headers["X-Worker"] = str(os.getpid())
        return response

    answer = app.test_client().get(f"/person/{FIRST}", headers={"X-Customer-ID": FIRST})
    if answer.status_code != 200:
        raise RuntimeError(answer.text)
    return app
