"""Beyond the document: malformed nodes that others leave in the registry affect no other lookups."""

import pytest
from kazoo.security import OPEN_ACL_UNSAFE, make_digest_acl

from fixtures.waiting import eventually
from reference.service_discovery.errors import NotAllowed
from reference.service_discovery.instance import Instance
from reference.service_discovery.names import ROOT
from scenarios.service_discovery.registry import OPERATOR

USERS, MORE, OTHER = (Instance("users.example", port) for port in (8080, 8081, 8082))
PRIVATE = [make_digest_acl(*OPERATOR.split(":"), all=True)]

MALFORMED = {
    "empty": b"",
    "no JSON": b"\xff\xfe",
    "nested deeply": b"[" * 60_000,
    "objects nested deeply": b'{"host":' * 8_000,
    "large": b'{"host": "users.example", "port": 1}' + b" " * 900_000,
    "no object": b"[1, 2]",
    "no port": b'{"host": "users.example"}',
    "text as port": b'{"host": "users.example", "port": "80"}',
    "endless port": b'{"host": "users.example", "port": 1e999}',
    "number of many digits as port": b'{"host": "users.example", "port": %s}' % (b"9" * 5_000),
    "host of half a character": b'{"host": "\\ud800", "port": 80}',
    "wildcard": b'{"host": "0.0.0.0", "port": 80}',
    "port in the host": b'{"host": "users.example:80", "port": 80}',
}
ODD_SERVICES = ("my service", "ä", "-", "zookeeper..", "x" * 250, "no-break\u00a0space", "%2e", "{}")


@pytest.fixture
def litter(registry):
    """Leave bad nodes of every kind: below a service, in place of services, and what the reader may not read."""
    client = registry.client
    for number, data in enumerate(MALFORMED.values()):
        client.create(f"{ROOT}/users/{number}", data)
    client.create(f"{ROOT}/users/not to be read", USERS.to_json(), acl=PRIVATE)
    client.create(f"{ROOT}/users/with/children", b"", makepath=True)
    for name in ODD_SERVICES:
        client.create(f"{ROOT}/{name}/child", b"", makepath=True)
    client.create(f"{ROOT}/private", b"", acl=PRIVATE)


@pytest.fixture
def reading(request):
    """Lookups from the cache or by asking, as the parameter says."""
    return request.getfixturevalue(request.param)


@pytest.mark.claim("disc-15")
@pytest.mark.parametrize("reading", ["cached", "asking"], indirect=True)
def test_bad_nodes_affect_no_other_lookup(reading, registry, register, request):
    register("users", USERS)
    assert reading.find("users") == USERS
    request.getfixturevalue("litter")

    with pytest.raises(NotAllowed, match="/providers/private may not be read"):
        reading.find("private")
    register("users", MORE)
    register("others", OTHER)

    # Not only what was known before: the news of all services go on arriving.
    eventually(lambda: list(reading.instances("users")) == [USERS, MORE], within=5)
    assert reading.find("others") == OTHER
    registry.client.set_acls(f"{ROOT}/private", OPEN_ACL_UNSAFE)
    register("private", OTHER)
    eventually(lambda: reading.find("private") == OTHER, within=5, despite=NotAllowed)


@pytest.mark.claim("disc-15")
def test_unreadable_root_leaves_lookups_by_name(registry, register, cached):
    register("users", USERS)
    assert cached.find("users") == USERS

    registry.client.set_acls(ROOT, PRIVATE)
    register("users", MORE)
    register("others", OTHER)

    eventually(lambda: cached.instances("users") == (USERS, MORE), within=5)
    assert cached.find("others") == OTHER
    assert cached.find("nobody") is None


@pytest.mark.claim("disc-15")
def test_command_lists_the_services_beside_bad_nodes(register, command, request):
    register("users", USERS)
    request.getfixturevalue("litter")

    code, output = command("list")

    assert code == 0
    assert "users\t1\n" in output
    assert "/providers/private may not be read" in output


@pytest.mark.claim("disc-15")
@pytest.mark.parametrize("root", ["readable", "unreadable"])
def test_cache_watches_no_unknown_name(root, zookeeper, registry, register, cached):
    register("users", USERS)
    if root == "unreadable":
        registry.client.set_acls(ROOT, PRIVATE)
    assert cached.find("users") == USERS
    before = zookeeper.service.watches(zookeeper)

    for number in range(300):
        assert cached.find(f"unknown-{number}") is None

    assert zookeeper.service.watches(zookeeper) <= before
