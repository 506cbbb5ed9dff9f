"""The scenario's processes, each a gunicorn: the two sharding services, and the document's service."""

import json

import requests

from fixtures.load import Target
from fixtures.serving import Served

TOKEN, ADMIN_TOKEN = "an-applications-token", "an-operators-token"
WITHIN = 30  # seconds that any answer may take on a slow machine


class SharedService(Served):
    """Base class of the two sharding services.

    Attributes:
        settings: The environment variables by which an application uses it.
    """

    settings: dict[str, str]

    def asked_for(self):
        """Return the paths of the GET requests of applications so far."""
        return [line.removeprefix("GET ") for line in self.asked() if line.startswith("GET ")]


class ShardingService(SharedService):
    """The library's sharding service, in a process.

    Args:
        folder: Folder for its logs.
        meta: URL of its meta database.
        certificate: Files of a certificate (`chain`, `key`, `authority`), for HTTPS.
    """

    def __init__(self, folder, meta, *, certificate=None, **options):
        environment = {
            "SHARDING_META": meta,
            "SHARDING_SERVICE_TOKENS": TOKEN,
            "SHARDING_SERVICE_ADMIN_TOKENS": ADMIN_TOKEN,
        }
        application = "reference.customer_sharding.service:create_app()"
        if certificate:
            options["options"] = (f"--certfile={certificate.chain}", f"--keyfile={certificate.key}")
        super().__init__(application, folder, environment, counted=True, **options)
        self._authority = certificate and str(certificate.authority)
        self.settings = {"SHARDING_API_ENDPOINT": self.url, "SHARDING_API_TOKEN": TOKEN}
        if certificate:
            self.settings["SSL_CERT_FILE"] = self._authority

    @property
    def url(self):
        """Return its base URL, https where it has a certificate."""
        return super().url.replace("http:", "https:") if self._authority else super().url

    def ask(self, method, path, token=ADMIN_TOKEN, **body):
        """Send a request as an operator, and return the answer."""
        headers = {"Authorization": f"Bearer {token}"}
        url, verify = f"{self.url}{path}", self._authority or True
        return requests.request(method, url, json=body, headers=headers, timeout=WITHIN, verify=verify)

    def register(self, name, database):
        """Register a database: applications get its user's credentials, and the service keeps its owner's."""
        admin = {key: database.owner[key] for key in ("user", "password")}
        answer = self.ask("PUT", f"/databases/{name}", **database.user, admin=admin)
        assert answer.ok, answer.text

    def place(self, customer, database=None):
        """Place a customer in a database, or in the one with the fewest customers, and return its name."""
        answer = self.ask("PUT", f"/customers/{customer}", **({"database": database} if database else {}))
        assert answer.ok, answer.text
        return answer.json()["database"]


class PublishedShardingService(SharedService):
    """The sharding service as published.

    Args:
        folder: Folder for its logs.
        ports: Port of each customer's database, by identifier.
        elsewhere: Port for all other customers.
    """

    def __init__(self, folder, ports, elsewhere=5432, **options):
        environment = {"PORTS": json.dumps(ports), "PORT": str(elsewhere)}
        application = "scenarios.customer_sharding.published:create_sharding_service()"
        super().__init__(application, folder, environment, counted=True, **options)
        # Every host name resolves to this machine, where the databases run.
        self.settings = {"SHARDING_API_ENDPOINT": self.url, "PGHOSTADDR": "127.0.0.1"}


class PersonService(Served):
    """The document's service.

    Args:
        folder: Folder for its logs.
        way: `published` or `corrected`.
        settings: Its environment variables.
    """

    def __init__(self, folder, way, settings, **options):
        module = {"published": "published", "corrected": "services.application"}[way]
        environment = {"SHARDING_IDENTIFIER_FIELD": "customer_id", **settings}
        super().__init__(f"scenarios.customer_sharding.{module}:create_app()", folder, environment, **options)

    def ask(self, method, path, customer=None, within=WITHIN, **request):
        """Send a request, with or without a customer in the header, and return the answer.

        Raises:
            requests.Timeout: It does not answer within so many seconds.
        """
        headers = {} if customer is None else {"X-Customer-ID": customer}
        return requests.request(method, f"{self.url}{path}", headers=headers, timeout=within, **request)

    def save(self, customer, within=WITHIN):
        """Save a person for a customer by `POST /person/ID`, and return the answer."""
        return self.ask("POST", f"/person/{customer}", customer, within)

    def target(self, customer):
        """Return the target for a load of a customer's saves."""
        return Target(f"{self.url}/person/{customer}", {"X-Customer-ID": customer})

    def people(self, customer):
        """Read a customer's people, as rows by column."""
        answer = self.ask("GET", f"/person/{customer}", customer)
        assert answer.ok, answer.text
        return answer.json()


def standalone(entry):
    """Return the settings of standalone mode, by the document's names."""
    return {"SHARDING_MODE": "standalone"} | {f"SHARDING_{name.upper()}": str(value) for name, value in entry.items()}
