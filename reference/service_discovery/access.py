"""Who may register and deregister: lists of who may do what to a node.

ZooKeeper asks the *parent* whether a node may be deleted: a list on the instance's node alone keeps nobody from
deregistering it. So the root and the service's node carry the list too.
"""

from __future__ import annotations

import contextlib

from kazoo.exceptions import NoAuthError, NodeExistsError
from kazoo.security import ACL, ANYONE_ID_UNSAFE, Permissions

from .connection import Connection
from .errors import NotAllowed
from .names import ROOT, service_path


def protect(connection: Connection, service: str) -> None:
    """See to it that the root and a service's node are there, and that strangers may only read them.

    What an unprotected registration left open to the world is closed; a connection without a credential changes
    nothing.

    Raises:
        NotAllowed: They belong to another credential.
        Unreachable: ZooKeeper does not answer.
    """
    if connection.credential is None:
        return
    for path in (ROOT, service_path(service)):
        try:
            allowed = _close(connection, path, connection.credential.acl)
        except NoAuthError:
            allowed = False
        if not allowed:
            raise NotAllowed(
                f"{path} belongs to another credential than that of {connection.credential.user!r}: "
                "register with the one it was made with"
            )


def _close(connection: Connection, path: str, acl: list[ACL]) -> bool:
    """Make a node with a list or put the list on an open one; say whether the first on the list may do all there."""
    with contextlib.suppress(NodeExistsError):
        connection.ask(lambda client: client.create_async(path, acl=acl))
    present, _ = connection.ask(lambda client: client.get_acls_async(path))
    if any(each.id == ANYONE_ID_UNSAFE and each.perms & ~Permissions.READ for each in present):
        connection.ask(lambda client: client.set_acls_async(path, acl))
        return True
    # Whom a list names is told only to those who may change it; others are not found on it.
    return acl[0] in present
