"""ACLs that allow only the holder of a credential to register and deregister; creation of the chroot path.

ZooKeeper checks the ACL of the *parent* when a node is deleted: an ACL on the instance's node alone keeps nobody from
deregistering it. So the root and the service's node carry the ACL, too.
"""

from __future__ import annotations

import contextlib
from functools import partial

from kazoo.client import KazooClient
from kazoo.exceptions import NodeExistsError
from kazoo.security import ACL, ANYONE_ID_UNSAFE, Permissions

from reference.service_discovery.errors import NotAllowed
from reference.service_discovery.names import ROOT, service_path

from .connection import Connection


def make_chroot(connection: Connection) -> None:
    """Create the path at the end of the connection string where it is missing.

    Raises:
        NotAllowed: The connection may not create it.
        Unreachable: ZooKeeper does not answer.
    """
    if not connection.chroot or connection.ask(lambda client: client.exists_async("/")) is not None:
        return
    # A client with a chroot cannot create nodes outside it.
    with Connection(
        connection.servers,
        session_timeout=connection.session_timeout,
        connect_timeout=connection.connect_timeout,
        credential=connection.credential,
        client_class=connection.client_class,
    ) as outside:
        path = ""
        for part in connection.chroot.strip("/").split("/"):
            path += f"/{part}"
            try:
                with contextlib.suppress(NodeExistsError):
                    outside.ask(partial(KazooClient.create_async, path=path))
            except NotAllowed as error:
                raise NotAllowed(
                    f"{connection.chroot}, the path at the end of {connection.hosts}, is missing, and {path} may not "
                    "be created with this credential: create it, and allow the credential to create nodes below it"
                ) from error


def protect(connection: Connection, service: str) -> None:
    """Create the root and a service's node where they are missing, and let only the credential's holder change them.

    An ACL that an unprotected registration left open to the world is closed. A connection without a credential changes
    no ACL.

    Raises:
        NotAllowed: The nodes belong to another credential.
        Unreachable: ZooKeeper does not answer.
    """
    make_chroot(connection)
    if connection.credential is None:
        return
    for path in (ROOT, service_path(service)):
        try:
            allowed = _close(connection, path, connection.credential.acl)
        except NotAllowed:
            allowed = False
        if not allowed:
            raise NotAllowed(
                f"{path} belongs to another credential than that of {connection.credential.user!r}: "
                "register with the one it was made with"
            )


def _close(connection: Connection, path: str, acl: list[ACL]) -> bool:
    """Create a node with an ACL, or put the ACL on an open node; say whether the ACL's first entry may do all."""
    with contextlib.suppress(NodeExistsError):
        connection.ask(lambda client: client.create_async(path, acl=acl))
    present, _ = connection.ask(lambda client: client.get_acls_async(path))
    if any(each.id == ANYONE_ID_UNSAFE and each.perms & ~Permissions.READ for each in present):
        connection.ask(lambda client: client.set_acls_async(path, acl))
        return True
    # ZooKeeper hides the ids of an ACL from those who may not change it, so others do not find theirs in it.
    return acl[0] in present
