"""The registry as ZooKeeper has it, read by a client independent of both implementations."""

import json
from dataclasses import dataclass

from kazoo.client import KazooClient
from kazoo.exceptions import NoNodeError, NotEmptyError

from fixtures.waiting import eventually

OPERATOR = "operator:secret"


@dataclass(frozen=True)
class Node:
    path: str
    data: bytes
    owner: int  # the session that it lives and dies with; 0 for a node that stays
    created: int  # the transaction that created it

    @property
    def address(self):
        value = json.loads(self.data)
        return f"{value['host']}:{value['port']}"


class Registry:
    def __init__(self, hosts, session_timeout):
        again = {"max_tries": -1, "delay": 0.02, "max_delay": 0.1}
        self.client = KazooClient(
            hosts,
            timeout=session_timeout,
            connection_retry=again,
            command_retry=again,
            auth_data=[("digest", OPERATOR)],
        )
        self.client.start()

    def close(self):
        self.client.stop()
        self.client.close()

    def nodes(self, service):
        """Return the nodes of a service's instances, in no order."""
        try:
            names = self.client.retry(self.client.get_children, f"/providers/{service}")
        except NoNodeError:
            return []
        return [node for name in names if (node := self._node(f"/providers/{service}/{name}"))]

    def services(self):
        try:
            return self.client.retry(self.client.get_children, "/providers")
        except NoNodeError:
            return []

    def addresses(self, service):
        """Return the registered addresses of a service, sorted; an address registered twice is listed twice."""
        return sorted(node.address for node in self.nodes(service))

    def remember(self, service):
        """Create the node of a service that once had instances."""
        self.client.retry(self.client.ensure_path, f"/providers/{service}")

    def clear(self):
        """Remove everything that was ever registered.

        A process that was killed may have asked for its node once more, which comes in while its parent is removed.
        """
        eventually(self._removed, within=10, despite=NotEmptyError)

    def _removed(self):
        self.client.retry(self.client.delete, "/providers", recursive=True)
        return True

    def _node(self, path):
        try:
            data, stat = self.client.retry(self.client.get, path)
        except NoNodeError:
            return None
        return Node(path, data, stat.ephemeralOwner, stat.czxid)
