"""Looking up instances by asking ZooKeeper each time, and what every way of looking up has in common."""

from __future__ import annotations

import logging
import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache

from kazoo.exceptions import KazooException, NoAuthError, NoNodeError

from reference.service_discovery.errors import BadInput, NoInstance, NotAllowed
from reference.service_discovery.instance import Instance
from reference.service_discovery.names import ROOT, service_name, service_path
from reference.service_discovery.zookeeper.connection import Connection

log = logging.getLogger(__name__)


class Lookup(ABC):
    """The lookups that all threads of a process may share.

    Every lookup raises `Unreachable` when ZooKeeper does not answer in time, `NotAllowed` when the service's node may
    not be read, and `BadInput` for a name that cannot be a service's. None of them blocks for longer than the
    connection's `connect_timeout`. An instance's node that is malformed or may not be read is left out.
    """

    @abstractmethod
    def instances(self, service: str) -> Sequence[Instance]:
        """Return all instances of a service; an empty sequence for a service that was never registered."""

    @abstractmethod
    def find(self, service: str) -> Instance | None:
        """Return a random instance, each as likely as any other; None when there is none."""

    def require(self, service: str) -> Instance:
        """Return a random instance.

        Raises:
            NoInstance: There is none.
        """
        found = self.find(service)
        if found is None:
            raise NoInstance(f"no instance of {str(service)!r} is registered")
        return found


class Discovery(Lookup):
    """Asks ZooKeeper at each lookup: for tools, and wherever a round trip for each lookup does not matter.

    Args:
        connection: The connection to ask by.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def services(self) -> Sequence[str]:
        """Return the names of all services that ever had an instance, sorted; nodes with other names are left out."""
        return [name for name in sorted(self._nodes(ROOT)) if is_service(name)]

    def instances(self, service: str) -> Sequence[Instance]:
        """Return all instances of a service, sorted; an empty sequence for a service that was never registered."""
        path = service_path(service)
        return sorted(read_all(self._connection, path, self._nodes(path)).values())

    def find(self, service: str) -> Instance | None:
        """Return a random instance, each as likely as any other; None when there is none."""
        path = service_path(service)
        nodes = self._nodes(path)
        random.shuffle(nodes)
        for node in nodes:
            # One that vanished since the nodes were listed is gone: another may be there.
            for instance in read_all(self._connection, path, [node]).values():
                return instance
        return None

    def _nodes(self, path: str) -> list[str]:
        try:
            return list(self._connection.ask(lambda client: client.get_children_async(path)))
        except NoNodeError:
            return []
        except NotAllowed as error:
            raise NotAllowed(f"{path} may not be read: its ACL does not name the credential shown") from error


@lru_cache(maxsize=1000)
def warn_once(path: str, reason: str) -> None:
    """Log that a node is left out: once, since it is read again and again, unless a thousand others came in between."""
    log.warning("%s is left out: %s", path, reason)


def is_service(node: str) -> bool:
    """Say whether a node below the root can be a service's."""
    try:
        service_name(node)
    except BadInput:
        warn_once(f"{ROOT}/{node}", "its name cannot be a service's")
        return False
    return True


def read_all(connection: Connection, path: str, nodes: Sequence[str]) -> dict[str, Instance]:
    """Read the nodes of instances, all at once, without those that vanished, are malformed or may not be read.

    Args:
        connection: The connection to read by.
        path: The service's path.
        nodes: The nodes' names below it.

    Returns:
        Instance by node.
    """
    found: dict[str, Instance] = {}
    answers = connection.ask_all(lambda client: [client.get_async(f"{path}/{node}") for node in nodes])
    for node, answer in zip(nodes, answers, strict=True):
        if isinstance(answer, KazooException):
            if isinstance(answer, NoAuthError):
                warn_once(f"{path}/{node}", "it may not be read")
            continue
        try:
            found[node] = Instance.from_json(answer[0])
        except BadInput as error:
            warn_once(f"{path}/{node}", str(error))
    return found
