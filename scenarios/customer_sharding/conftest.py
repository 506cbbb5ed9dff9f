"""Fixtures of the scenario: databases, the two sharding services, and the document's service, published and corrected.

All services are real processes under gunicorn. For one's own test:

- `databases`: the three customers' databases by name (`first`, `second`, `third`), each empty but for `person`.
- `meta`: URL of the empty meta database.
- `sharding_service`: the library's, with the three databases registered and customers 1, 2, 3 placed in them.
- `published_sharding_service`: the document's, which sends them there, too.
- `service`: the document's service in the test's `way`, with the sharding service of that way; `serve` starts others.
- `sharded`: customers under load, that move and whose servers fail, on what is `standing` for all tests of a module.
"""

import contextlib
import itertools
from types import SimpleNamespace

import psycopg
import pytest
import trustme
from typer.testing import CliRunner

from fixtures.faults import Journal
from fixtures.serving import Served
from reference.customer_sharding.cli import app as cli
from reference.customer_sharding.credentials import Credentials
from reference.customer_sharding.service.store import Store
from scenarios.customer_sharding.databases import EMPTY, Database, MySQL
from scenarios.customer_sharding.moves.mariadb import NAMES as HERE_AND_THERE
from scenarios.customer_sharding.moves.mariadb import MariaDatabase
from scenarios.customer_sharding.published import CUSTOMERS
from scenarios.customer_sharding.services.bench import Bench
from scenarios.customer_sharding.services.eavesdropper import Eavesdropper
from scenarios.customer_sharding.services.processes import PersonService, PublishedShardingService, ShardingService
from scenarios.customer_sharding.services.rogue_server import RogueServer
from scenarios.customer_sharding.sharded import SETTINGS, Sharded

NAMES = ("first", "second", "third")


@pytest.fixture
def databases(environment):
    """The customers' databases by name: `first`, `second`, `third`; empty but for the table `person`."""
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(contextlib.closing(Database(environment[name]))) for name in NAMES}


@pytest.fixture
def mysql(environment):
    """A customers' database in MariaDB, for claims about MySQL."""
    with contextlib.closing(MySQL(environment["mariadb"])) as database:
        yield database


@pytest.fixture(scope="module")
def prepared_mariadb(environment):
    """Two databases in one MariaDB, between which customers move, and the storage where they are registered."""
    with contextlib.ExitStack() as stack:
        server, url = environment["mariadb"], environment["meta"].url
        two = {name: stack.enter_context(contextlib.closing(MariaDatabase(server, name))) for name in HERE_AND_THERE}
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(EMPTY)
        store = stack.enter_context(contextlib.closing(Store(url)))
        for name, database in two.items():
            store.register(name, Credentials(**database.user), admin=Credentials(**database.owner))
        yield SimpleNamespace(databases=two, store=store, meta=url)


@pytest.fixture
def two_in_mariadb(prepared_mariadb):
    """The same, without customers and rows."""
    with psycopg.connect(prepared_mariadb.meta, autocommit=True) as connection:
        connection.execute("TRUNCATE sharding_move, sharding_place")
    for database in prepared_mariadb.databases.values():
        database.empty()
    return prepared_mariadb


@pytest.fixture
def rogue_server():
    """A rogue database server, which requests clear-text passwords."""
    with contextlib.closing(RogueServer()) as rogue_server:
        yield rogue_server


@pytest.fixture
def eavesdropper():
    """`eavesdropper(port)` starts a proxy in front of a port of this machine that records all bytes."""
    with contextlib.ExitStack() as stack:
        yield lambda port: stack.enter_context(contextlib.closing(Eavesdropper(port)))


@pytest.fixture
def certificate(tmp_path):
    """Files of a certificate for this machine, its key, and the authority that signed it."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    files = SimpleNamespace(**{name: tmp_path / f"{name}.pem" for name in ("authority", "chain", "key")})
    authority.cert_pem.write_to_path(files.authority)
    issued.private_key_pem.write_to_path(files.key)
    for part in issued.cert_chain_pems:
        part.write_to_path(files.chain, append=True)
    return files


@pytest.fixture
def bench(way, load, tmp_path):
    """Start the script of three loads, in the test's way."""
    with contextlib.ExitStack() as stack:
        image = load.keywords["image"]
        yield lambda url, **options: stack.enter_context(
            contextlib.closing(Bench(tmp_path, way, url, image=image, **options))
        )


@pytest.fixture
def of_customer(databases):
    """The database of each of the document's customers: 1, 2 and 3."""
    return dict(zip(CUSTOMERS, databases.values(), strict=True))


@pytest.fixture
def meta(environment):
    """URL of the meta database of the library's sharding service, empty."""
    url = environment["meta"].url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(EMPTY)
    return url


@pytest.fixture
def serve(tmp_path):
    """Start one of `processes`: `serve(PersonService, way, settings)`, and so on; it is ended with the test."""
    with contextlib.ExitStack() as stack:

        def start(kind, *arguments, **options):
            return stack.enter_context(contextlib.closing(kind(tmp_path, *arguments, **options)))

        yield start


@pytest.fixture
def sharding_service(serve, meta, databases):
    """The library's sharding service, with the databases registered, and customers 1, 2 and 3 placed, one in each."""
    service = serve(ShardingService, meta)
    for name, database in databases.items():
        service.register(name, database)
    for customer, name in zip(CUSTOMERS, databases, strict=True):
        service.place(customer, name)
    return service


@pytest.fixture
def ports(of_customer):
    """Ports of the customers' databases, for the document's sharding service."""
    return {customer: database.owner["port"] for customer, database in of_customer.items()}


@pytest.fixture
def published_sharding_service(serve, ports):
    """The document's sharding service, which finds customers 1, 2 and 3 in the same databases."""
    return serve(PublishedShardingService, ports)


@pytest.fixture
def sharding(way, request):
    """The sharding service of the way that the test shows."""
    return request.getfixturevalue({"published": "published_sharding_service", "corrected": "sharding_service"}[way])


@pytest.fixture
def person_service(way, sharding, serve):
    """Start the document's service in the way that the test shows, with additional settings."""

    def start(settings=None, **options):
        return serve(PersonService, way, {"SHARDING_MODE": "api", **sharding.settings, **(settings or {})}, **options)

    return start


@pytest.fixture
def service(person_service):
    """The document's service in the way that the test shows."""
    return person_service()


# Customers that move, and servers that fail


@pytest.fixture(scope="module")
def people_options():
    """Options of the people service: two processes, each with its own route cache; `settings` are additional."""
    return {"workers": 2, "settings": {}}


@pytest.fixture(scope="module")
def standing(environment, people_options, tmp_path_factory):
    """The services that all tests of a module share: databases, the sharding service, and the people service."""
    folder = tmp_path_factory.mktemp("standing")
    meta = environment["meta"].url
    with contextlib.ExitStack() as stack:
        databases = {name: stack.enter_context(contextlib.closing(Database(environment[name]))) for name in NAMES}
        with psycopg.connect(meta, autocommit=True) as connection:
            connection.execute(EMPTY)
        sharding_service = stack.enter_context(contextlib.closing(ShardingService(folder, meta)))
        for name, database in databases.items():
            sharding_service.register(name, database)
        settings = {**SETTINGS, **sharding_service.settings, **people_options["settings"]}
        application = "scenarios.customer_sharding.services.people:create_app()"
        people = stack.enter_context(
            contextlib.closing(Served(application, folder, settings, workers=people_options["workers"]))
        )
        servers = {name: environment[name] for name in (*NAMES, "meta")}
        yield SimpleNamespace(
            servers=servers,
            databases=databases,
            meta=meta,
            sharding_service=sharding_service,
            people=people,
            numbers=itertools.count(),
        )


@pytest.fixture
def command(standing):
    """Run the command `customer-sharding` to its end in this process, and return exit code and output."""

    def run(*words):
        done = CliRunner(env={"SHARDING_META": standing.meta}).invoke(cli, words)
        return done.exit_code, done.output

    return run


@pytest.fixture
def sharded(standing, command, tmp_path):
    """Customers under load that can be moved, in databases that can be killed."""
    with (
        Journal(tmp_path / "journal") as journal,
        contextlib.closing(Sharded(standing, journal, command, tmp_path)) as it,
    ):
        yield it
