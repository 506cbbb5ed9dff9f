"""Three ZooKeeper servers that elect a leader."""

from kazoo.client import KazooClient

from fixtures.waiting import eventually
from reference.service_discovery.instance import Instance
from reference.service_discovery.names import service_path

NAMES = ("zookeeper-1", "zookeeper-2", "zookeeper-3")


class Ensemble:
    """The servers, and which of them leads.

    Args:
        environment: Starts them, all at once.
    """

    def __init__(self, environment):
        environment.start(*NAMES)
        self.servers = [environment[name] for name in NAMES]
        self.hosts = ",".join(server.url for server in self.servers)

    @property
    def session_timeout(self):
        """The longest session timeout that the servers grant, in seconds."""
        return 20 * self.servers[0].service.tick / 1000

    def leader(self, but=None):
        """Wait until a server leads, other than `but`, and return it."""
        return eventually(lambda: next(iter(self._with_role("leader", but)), None), within=30)

    def follower(self):
        """Wait until a server follows, and return it."""
        return eventually(lambda: next(iter(self._with_role("follower"))), within=30, despite=StopIteration)

    def instances(self, service):
        """Return the registered instances of a service as any server has them, sorted."""
        client = KazooClient(self.hosts, timeout=self.session_timeout)
        client.start(timeout=20)
        try:
            path = service_path(service)
            nodes = client.retry(client.get_children, path)
            return sorted(Instance.from_json(client.retry(client.get, f"{path}/{node}")[0]) for node in nodes)
        finally:
            client.stop()
            client.close()

    def _with_role(self, role, but=None):
        for server in self.servers:
            try:
                if server is not but and server.service.role(server) == role:
                    yield server
            except OSError:  # it is dead, or frozen, or without a leader
                continue
