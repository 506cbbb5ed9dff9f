"""Looking up instances by asking ZooKeeper each time."""

from __future__ import annotations

import logging
import random
from abc import ABC, abstractmethod
from collections.abc import Sequence

from kazoo.exceptions import NoNodeError

from .connection import Connection
from .errors import BadInput, NoInstance
from .instance import Instance
from .names import ROOT, service_path

log = logging.getLogger(__name__)


class Lookup(ABC):
    """What can be asked, however it is answered. All of it may be asked by many threads at once.

    Every question raises `Unreachable` when ZooKeeper does not answer in time, and `BadInput` for a name that cannot be
    a service's. None of them blocks for longer than the connection's `connect_timeout`.
    """

    @abstractmethod
    def instances(self, service: str) -> Sequence[Instance]:
        """Return all instances of a service; none for a service nobody ever registered."""

    @abstractmethod
    def find(self, service: str) -> Instance | None:
        """Return an instance by chance, each as likely as any other; None when there is none."""

    def require(self, service: str) -> Instance:
        """Return an instance by chance.

        Raises:
            NoInstance: There is none.
        """
        found = self.find(service)
        if found is None:
            raise NoInstance(f"no instance of {str(service)!r} is registered")
        return found


class Discovery(Lookup):
    """Asks ZooKeeper each time: for tools, and wherever a round trip a lookup does not matter.

    Args:
        connection: Through which it asks.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def services(self) -> Sequence[str]:
        """Return the names of all services that ever had an instance, sorted."""
        try:
            return sorted(self._connection.ask(lambda client: client.get_children_async(ROOT)))
        except NoNodeError:
            return []

    def instances(self, service: str) -> Sequence[Instance]:
        """Return all instances of a service, sorted; none for a service nobody ever registered."""
        path = service_path(service)
        return sorted(read_all(self._connection, path, self._nodes(path)).values())

    def find(self, service: str) -> Instance | None:
        """Return an instance by chance, each as likely as any other; None when there is none."""
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


def read_all(connection: Connection, path: str, nodes: Sequence[str]) -> dict[str, Instance]:
    """Read the nodes of instances, all at once, without those that vanished and those that hold none.

    Args:
        connection: Through which they are read.
        path: The service's path.
        nodes: Their names below it.

    Returns:
        Instance by node.
    """
    found = {}
    answers = connection.ask_all(lambda client: [client.get_async(f"{path}/{node}") for node in nodes])
    for node, answer in zip(nodes, answers, strict=True):
        try:
            if answer is not None:
                found[node] = Instance.from_json(answer[0])
        except BadInput as error:
            log.warning("%s/%s is left out: %s", path, node, error)
    return found
