"""Service discovery by ZooKeeper: services register themselves, and find each other without configured addresses.

The document says: a service registers as its Flask application is made, by an ephemeral node
`/providers/SERVICE/UUID` that holds its host and port as JSON; a caller lists the nodes and takes a random
one; and the node goes with the session of the process that made it. A listener makes the node anew when a lost
connection is back. It leaves open whether the client, a module's variable, is safe to share between threads.

**What holds.** The nodes, what they hold, and that they go when the session of a dead process has timed out
(`gone_within`). Finding, and calling by what was found.

**What is corrected.**

- The listener runs on the thread that serves the connection, and waits there for an answer that this thread alone
  could bring: after a cut of half a second the process is registered no more and its lookups hang, while the client
  says that it is connected. In a thread of its own, the obvious repair, it registers the process twice, since the
  session and its node have survived. Here a thread compares what should be with what is, and the node is named by the
  address.
- So an address is registered once, also by a server's several worker processes: one holds the node, the others stand
  by.
- A process that stops deregisters at SIGTERM, before its server stops, and finishes the requests it has; it does not
  leave its node to the session's timeout.
- The node is made once the server listens, not before.
- A lookup of a service that was never registered, or of an instance that vanishes after it was listed, returns None
  instead of raising. A caller that needs an instance gets an error that names the service (`Lookup.require`).
- A node that is malformed or may not be read is left out, and does not end the lookups of others.
- The client is made once, by the thread that needs it first, and anew in a forked child. A failed attempt to connect
  leaves nothing behind that would make the next one fail. No request takes longer than its timeout.
- An enumeration of the services does not hide the class of an instance.

**What is added.** Lookups from a local copy that watches ZooKeeper, with a bound on how old an answer may be and a
stated behaviour while ZooKeeper does not answer (`CachedDiscovery`): they cost little more than a
dictionary's. Credentials, so that a stranger cannot deregister a service (`Credential`). A Flask extension
(`flask.ServiceDiscovery`) and a command.

A service registers itself and calls another one. `SERVICE`, `PORT` and `ZOOKEEPER` come from the environment::

    from flask import Flask
    from reference.service_discovery.flask import ServiceDiscovery

    discovery = ServiceDiscovery()

    def create_app():
        app = Flask("first")
        discovery.init_app(app)

        @app.get("/")
        def answer():
            return requests.get(discovery.lookup.require("second").url, timeout=5).json()

        return app

Without Flask::

    from reference.service_discovery import CachedDiscovery, Connection, Instance, Registration

    with Connection("zoo1:2181,zoo2:2181") as connection:
        with Registration(connection, "second", Instance.here(port=8080)):
            CachedDiscovery(connection).find("first")  # Instance(host='first.example', port=8080), or None

`zookeeper` is the connection, `register` what a service does, and `lookup` what its callers do. On the command line::

    service-discovery --hosts zoo1:2181,zoo2:2181 list
    service-discovery find second
    service-discovery watch
    service-discovery register legacy db.example 5432
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.exports import import_at_first_use

if TYPE_CHECKING:
    from .errors import BadInput, DiscoveryError, NoInstance, NotAllowed, Unreachable
    from .instance import Instance
    from .lookup.cache import CachedDiscovery
    from .lookup.discovery import Discovery, Lookup
    from .names import KnownServices
    from .register.health import HealthCheck
    from .register.registration import Registration, gone_within
    from .zookeeper.connection import Connection
    from .zookeeper.credential import Credential

# Module by exported name: imported at first use, so that the command can report a missing library in one sentence.
_MODULES = {
    "BadInput": "errors",
    "CachedDiscovery": "lookup.cache",
    "Connection": "zookeeper.connection",
    "Credential": "zookeeper.credential",
    "Discovery": "lookup.discovery",
    "DiscoveryError": "errors",
    "HealthCheck": "register.health",
    "Instance": "instance",
    "KnownServices": "names",
    "Lookup": "lookup.discovery",
    "NoInstance": "errors",
    "NotAllowed": "errors",
    "Registration": "register.registration",
    "Unreachable": "errors",
    "gone_within": "register.registration",
}

__all__ = [
    "BadInput",
    "CachedDiscovery",
    "Connection",
    "Credential",
    "Discovery",
    "DiscoveryError",
    "HealthCheck",
    "Instance",
    "KnownServices",
    "Lookup",
    "NoInstance",
    "NotAllowed",
    "Registration",
    "Unreachable",
    "gone_within",
]


__getattr__ = import_at_first_use(__name__, _MODULES)
