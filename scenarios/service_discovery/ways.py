"""The published implementation and the corrected library behind the same interface."""

import requests

from reference.service_discovery.instance import Instance
from reference.service_discovery.lookup.discovery import Discovery
from reference.service_discovery.names import KnownServices
from reference.service_discovery.zookeeper.connection import Connection
from scenarios.service_discovery import published


class Published:
    def __init__(self, hosts, session_timeout, monkeypatch):
        self.monkeypatch = monkeypatch
        monkeypatch.setattr(published, "HOSTS", hosts)
        monkeypatch.setattr(published, "_zk", None)
        monkeypatch.setattr(published, "Service", published.Service)  # put back what add_enumeration does

    def made_of(self, client_class):
        """Have its connection made of another class of client."""
        self.monkeypatch.setattr(published, "KazooClient", client_class)

    def connect(self):
        published.connect()

    def find(self, service):
        """Look up a service, connecting first if nobody has yet."""
        published.connect()
        return _address(published.find(service))

    def read(self, path):
        """Read an instance's node."""
        published.connect()
        return _address(published.read_as_described(path))

    def enumerate(self):
        """Enumerate the known services, as the text proposes, and return the name of the one that sends emails."""
        published.add_enumeration()
        return published.Service.EMAIL_SERVICE.value

    def call(self, service):
        published.connect()
        return published.call(service)

    def close(self):
        if published._zk is not None:
            published._zk.stop()
            published._zk.close()


class Corrected:
    def __init__(self, hosts, session_timeout, monkeypatch):
        self.hosts, self.session_timeout = hosts, session_timeout
        self.connection = Connection(hosts, session_timeout=session_timeout)

    def made_of(self, client_class):
        self.connection = Connection(self.hosts, session_timeout=self.session_timeout, client_class=client_class)

    def connect(self):
        self.connection.client()

    def find(self, service):
        return _address(Discovery(self.connection).find(service))

    def read(self, path):
        data, _ = self.connection.client().get(path)
        return _address(Instance.from_json(data))

    def enumerate(self):
        class Known(KnownServices):
            EMAIL_SERVICE = "email"

        return Known.EMAIL_SERVICE

    def call(self, service):
        return requests.get(Discovery(self.connection).require(service).url, timeout=5).json()

    def close(self):
        self.connection.close()


def _address(found):
    return found and f"{found.host}:{found.port}"


WAYS = {"published": Published, "corrected": Corrected}
