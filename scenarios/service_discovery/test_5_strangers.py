"""Beyond the document: whoever reaches ZooKeeper can deregister a service, unless it registers with a credential."""

import pytest
from kazoo.exceptions import NoAuthError
from kazoo.security import OPEN_ACL_UNSAFE

from reference.service_discovery.errors import NotAllowed
from reference.service_discovery.instance import Instance
from reference.service_discovery.names import ROOT, instance_path, service_path
from reference.service_discovery.zookeeper.credential import Credential
from scenarios.service_discovery.registry import OPERATOR

CREDENTIAL = Credential.from_text(OPERATOR)
USERS = Instance("users.example", 8080)
PATH = instance_path("users", USERS)


@pytest.mark.claim("disc-14")
def test_stranger_deregisters_without_a_credential(registered, registry, stranger):
    registered("users", USERS)
    [node] = registry.nodes("users")

    stranger.delete(PATH)

    # The registration may have noticed, and have created another node by now.
    assert node not in registry.nodes("users")


@pytest.mark.claim("disc-14")
def test_acl_on_the_node_alone_keeps_no_stranger_out(registry, stranger):
    registry.remember("users")
    registry.client.create(PATH, USERS.to_json(), acl=CREDENTIAL.acl, ephemeral=True)

    stranger.delete(PATH)

    assert registry.addresses("users") == []


@pytest.mark.claim("disc-14")
@pytest.mark.parametrize("open_before", [False, True], ids=["from the first", "what was open before"])
def test_credential_keeps_strangers_out(open_before, registered, registry, stranger):
    if open_before:
        registered("users", Instance("users.example", 8081))
    registered("users", USERS, credential=CREDENTIAL)

    for attempt in (
        lambda: stranger.delete(PATH),
        lambda: stranger.set(PATH, b"{}"),
        lambda: stranger.set_acls(PATH, OPEN_ACL_UNSAFE),
        lambda: stranger.create(f"{service_path('users')}/impostor", USERS.to_json()),
        lambda: stranger.create(f"{ROOT}/impostors", b""),
    ):
        with pytest.raises(NoAuthError):
            attempt()
    assert str(USERS) in registry.addresses("users")
    assert stranger.get(PATH)[0] == USERS.to_json()


@pytest.mark.claim("disc-14")
def test_other_credential_is_refused(registered):
    registered("users", USERS, credential=CREDENTIAL)

    with pytest.raises(NotAllowed, match="/providers belongs to another credential than that of 'somebody'"):
        registered("users", USERS, credential=Credential("somebody", "else"))
