"""A process that looks a service up repeatedly and records each answer in a journal."""

import sys
import threading
from pathlib import Path

from fixtures.faults import Journal
from reference.service_discovery.errors import Unreachable
from reference.service_discovery.lookup.cache import CachedDiscovery
from reference.service_discovery.zookeeper.connection import Connection

PAUSE = threading.Event()


def main():
    hosts, session_timeout, service, journal, name = sys.argv[1:]
    session_timeout = float(session_timeout)
    connection = Connection(hosts, session_timeout=session_timeout, connect_timeout=0.5)
    discovery = CachedDiscovery(connection, grace=session_timeout)
    with Journal(Path(journal)) as journal:
        while True:
            try:
                with journal.operation(name, "read", service, failed=(Unreachable,)) as lookup:
                    found = discovery.find(service)
                    lookup.saw(found and str(found))
            except Unreachable:
                pass
            PAUSE.wait(0.02)
