"""A Flask extension: the application registers as its server begins to listen, and finds the others."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .cache import GRACE, CachedDiscovery
from .connection import CONNECT_TIMEOUT, HOSTS, SESSION_TIMEOUT, Connection
from .credential import Credential
from .errors import BadInput, DiscoveryError
from .instance import Instance
from .names import service_name
from .registration import Registration

if TYPE_CHECKING:
    from flask import Flask

NAME = "service_discovery"


@dataclass(frozen=True)
class Settings:
    """What the extension is told by the environment, or by the application's configuration under the same names.

    Attributes:
        service: `SERVICE`, this application's name. Required where it registers.
        port: `PORT` that its server listens on. Required where it registers.
        host: `HOST` that others reach it at; by default the machine's fully qualified name.
        hosts: `ZOOKEEPER`, such as `zoo1:2181,zoo2:2181`.
        credential: `ZOOKEEPER_CREDENTIAL`, written `USER:PASSWORD`; without it strangers may deregister the service.
        session_timeout: `ZOOKEEPER_SESSION_TIMEOUT` in seconds.
        connect_timeout: `ZOOKEEPER_CONNECT_TIMEOUT` in seconds.
        grace: `ZOOKEEPER_GRACE`, seconds that lookups are answered while ZooKeeper does not answer.
    """

    service: str | None
    port: int | None
    host: str | None
    hosts: str
    credential: Credential | None
    session_timeout: float
    connect_timeout: float
    grace: float

    @classmethod
    def of(cls, values: Mapping[str, object]) -> Settings:
        """Read the settings.

        Raises:
            BadInput: One is not what it must be; the message names it.
        """

        def text(name: str) -> str | None:
            value = values.get(name)
            return None if value is None or value == "" else str(value)

        def number(name: str, default: float) -> float:
            try:
                return float(text(name) or default)
            except ValueError:
                raise BadInput(f"{name} is a number of seconds, not {text(name)!r}") from None

        service, port, credential = text("SERVICE"), text("PORT"), text("ZOOKEEPER_CREDENTIAL")
        if port is not None and not port.isdecimal():
            raise BadInput(f"PORT is an integer from 1 to 65535, not {port!r}")
        return cls(
            service=None if service is None else service_name(service),
            port=None if port is None else int(port),
            host=text("HOST"),
            hosts=text("ZOOKEEPER") or HOSTS,
            credential=None if credential is None else Credential.from_text(credential),
            session_timeout=number("ZOOKEEPER_SESSION_TIMEOUT", SESSION_TIMEOUT),
            connect_timeout=number("ZOOKEEPER_CONNECT_TIMEOUT", CONNECT_TIMEOUT),
            grace=number("ZOOKEEPER_GRACE", GRACE),
        )

    @property
    def instance(self) -> Instance:
        """Where this application is called.

        Raises:
            BadInput: There is no port.
        """
        if self.port is None:
            raise BadInput("PORT is not set: it is the port that the application's server listens on")
        return Instance.here(self.port) if self.host is None else Instance(self.host, self.port)


class ServiceDiscovery:
    """Registers an application, and finds others from within it.

    The factory may be called before the server listens, in several workers, and before a fork: see `Registration`. At
    exit the application is deregistered; a server that is ended by a signal must exit for that, as gunicorn's and
    Flask's own on Ctrl-C do.

    Args:
        app: The application; or call `init_app` later.
        register: Whether to register it; a mere caller has no need to.
    """

    connection: Connection
    lookup: CachedDiscovery
    registration: Registration | None = None

    def __init__(self, app: Flask | None = None, *, register: bool = True) -> None:
        self._register = register
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Connect, and register the application in the background.

        Raises:
            BadInput: A setting is missing or wrong.
            Unreachable: ZooKeeper does not answer; calling it again tries again.
            NotAllowed: The service belongs to another credential.
        """
        settings = Settings.of({**os.environ, **app.config})
        if self._register and settings.service is None:
            raise BadInput("SERVICE is not set: it is the name that the application is found by")
        connection = Connection(
            settings.hosts,
            session_timeout=settings.session_timeout,
            connect_timeout=settings.connect_timeout,
            credential=settings.credential,
        )
        lookup = CachedDiscovery(connection, grace=settings.grace)
        if self._register and settings.service is not None:
            self.registration = Registration(connection, settings.service, settings.instance)
            try:
                self.registration.start()
            except DiscoveryError:
                connection.close()
                raise
        self.connection, self.lookup = connection, lookup
        app.extensions[NAME] = self

    def close(self) -> None:
        """Deregister the application and disconnect."""
        if self.registration is not None:
            self.registration.close()
        self.lookup.close()
        self.connection.close()
