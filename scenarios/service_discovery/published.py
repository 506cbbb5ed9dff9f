"""The document's library: the same calls, paths, keys and values, in the same order, in our own code.

Only where ZooKeeper is, and how long to wait for it, can be set from outside. `beat` and `spawned` are the listener as
published and the repair of it that comes to mind first.
"""

import json
import os
import random
import socket
from dataclasses import dataclass
from enum import Enum
from uuid import uuid4

import requests
from flask import Flask
from kazoo.client import KazooClient, KazooState

HOSTS = os.environ.get("ZOOKEEPER", "127.0.0.1:2181")
CONNECT_TIMEOUT = 5


@dataclass(frozen=True)
class Service:
    host: str
    port: int


_zk: KazooClient | None = None


def connect_and_register():
    connect()
    register()


def connect():
    global _zk

    if not _zk:
        _zk = KazooClient(hosts=HOSTS)
        _zk.start(timeout=CONNECT_TIMEOUT)
        _zk.add_listener(lambda state: listener(state))


def register():
    service, port, host = os.environ.get("SERVICE"), os.environ.get("PORT"), socket.getfqdn()
    assert service
    assert host
    assert port

    address = json.dumps({"host": host, "port": int(port)})
    _zk.create(f"/providers/{service}/{uuid4()}", address.encode("utf-8"), ephemeral=True, makepath=True)


def on_the_event_thread(state):
    """The listener as published."""
    if state == KazooState.CONNECTED:
        register()


def in_a_spawned_thread(state):
    """The obvious repair: the same listener, in a thread that may block."""
    if state == KazooState.CONNECTED:
        _zk.handler.spawn(register)


listener = on_the_event_thread


def find(service):
    assert _zk

    instances = _zk.get_children(f"/providers/{service}")
    if not instances:
        return None

    chosen = instances[random.randint(0, len(instances) - 1)]
    data, _ = _zk.get(f"/providers/{service}/{chosen}")
    return Service(**json.loads(data.decode("utf-8")))


def read_as_described(path):
    """Read a node as the document describes: expect a tuple with the host and the port, and a stat."""
    (host, port), _ = _zk.get(path)
    return Service(host, port)


def add_enumeration():
    """Add the enumeration of services to the module, under the name that it is shown with."""
    global Service

    class Service(Enum):
        EMAIL_SERVICE = "email"


def call(name):
    """Call a service from another one."""
    service = find(service=name)
    return requests.get(f"http://{service.host}:{service.port}", timeout=5).json()


def create_app():
    app = Flask(os.environ["SERVICE"])
    connect_and_register()
    return app
