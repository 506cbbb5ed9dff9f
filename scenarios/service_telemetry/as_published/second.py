import logging
import os

import requests
from flask import Flask
from instruments import create_histogram, timed

logging.basicConfig(level=logging.INFO)
app = Flask("second")
latency = create_histogram(name="httpbin.latency", unit="1.0", description="Time that HTTPBin takes")


@app.post("/")
def post():
    with timed(latency):
        return requests.post(f"{os.environ['HTTPBIN']}/delay/0", timeout=60).json()


if __name__ == "__main__":
    app.run(port=int(os.environ["PORT"]))
