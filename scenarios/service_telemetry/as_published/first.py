import logging
import os
import random
import time

import requests
from flask import Flask
from instruments import create_counter, increment_counter

logging.basicConfig(level=logging.INFO)
app = Flask("first")
requests_received = create_counter(
    name="first.request.count", unit="1", description="Requests that the service received"
)


@app.post("/")
def post():
    increment_counter(requests_received)
    app.logger.info("calling the second service")
    time.sleep(random.random())
    return requests.post(os.environ["SECOND"], timeout=60).json()


@app.get("/<int:n>")
def get(n):
    def _one(n):
        return _two(n)

    def _two(n):
        return _fibo(n)

    def _fibo(n):
        for i in range(1, n - 1):
            fibo(i)
        return fibo(n)

    return {"fibonacci": _one(n)}


def fibo(n):
    return n if n < 2 else fibo(n - 1) + fibo(n - 2)


if __name__ == "__main__":
    app.run(port=int(os.environ["PORT"]))
