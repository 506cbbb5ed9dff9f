"""A Flask extension: the application registers when its server listens, finds others, and deregisters at SIGTERM."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from .errors import BadInput, DiscoveryError
from .instance import Instance
from .lookup.cache import GRACE, CachedDiscovery
from .names import service_name
from .register.draining import DRAIN, Draining, RequestsUnderWay
from .register.health import HealthCheck
from .register.registration import AtStart, Registration
from .zookeeper.connection import CONNECT_TIMEOUT, HOSTS, SESSION_TIMEOUT, Connection
from .zookeeper.credential import Credential

if TYPE_CHECKING:
    from flask import Flask

NAME = "service_discovery"


@dataclass(frozen=True)
class Settings:
    """The extension's settings, from the environment or from the application's configuration under the same names.

    Attributes:
        service: `SERVICE`, this application's name. Required where it registers.
        port: `PORT` that its server listens on. Required where it registers.
        host: `HOST` under which others reach it; by default the machine's fully qualified name.
        hosts: `ZOOKEEPER`, such as `zoo1:2181,zoo2:2181`.
        credential: `ZOOKEEPER_CREDENTIAL`, written `USER:PASSWORD`; without it strangers may deregister the service.
        session_timeout: `ZOOKEEPER_SESSION_TIMEOUT` in seconds.
        connect_timeout: `ZOOKEEPER_CONNECT_TIMEOUT` in seconds.
        grace: `ZOOKEEPER_GRACE`, seconds that lookups are answered while ZooKeeper does not answer.
        at_start: `ZOOKEEPER_AT_START`, what happens when ZooKeeper does not answer at the start: `fail` raises
            (the default), `wait` registers once it answers.
        drain: `DRAIN`, seconds without a request after which a server that got SIGTERM stops.
    """

    service: str | None
    port: int | None
    host: str | None
    hosts: str
    credential: Credential | None
    session_timeout: float
    connect_timeout: float
    grace: float
    at_start: AtStart
    drain: float

    @classmethod
    def of(cls, values: Mapping[str, object]) -> Settings:
        """Read the settings.

        Raises:
            BadInput: A setting has a wrong value; the message names it.
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
        if port is not None and not (port.isascii() and port.isdecimal()):
            raise BadInput(f"PORT is an integer from 1 to 65535, not {port!r}")
        at_start = text("ZOOKEEPER_AT_START") or "fail"
        if at_start not in ("fail", "wait"):
            raise BadInput(f"ZOOKEEPER_AT_START is fail or wait, not {at_start!r}")
        return cls(
            service=None if service is None else service_name(service),
            port=None if port is None else int(port),
            host=text("HOST"),
            hosts=text("ZOOKEEPER") or HOSTS,
            credential=None if credential is None else Credential.from_text(credential),
            session_timeout=number("ZOOKEEPER_SESSION_TIMEOUT", SESSION_TIMEOUT),
            connect_timeout=number("ZOOKEEPER_CONNECT_TIMEOUT", CONNECT_TIMEOUT),
            grace=number("ZOOKEEPER_GRACE", GRACE),
            at_start=cast("AtStart", at_start),
            drain=number("DRAIN", DRAIN),
        )

    @property
    def instance(self) -> Instance:
        """The address of this application.

        Raises:
            BadInput: There is no port.
        """
        if self.port is None:
            raise BadInput("PORT is not set: it is the port that the application's server listens on")
        return Instance.here(self.port) if self.host is None else Instance(self.host, self.port)


class ServiceDiscovery:
    """Registers an application, and finds others from within it.

    The factory may be called before the server listens, and in several workers: see `Registration`. At SIGTERM the
    application is deregistered, and the server stops when the requests under way have ended: see `Draining`. With
    gunicorn's `--preload` the factory runs in the master, which serves nothing: pass `start=False`, and call `start`
    from gunicorn's hook `post_worker_init`.

    Args:
        app: The application; or call `init_app` later.
        register: Whether to register it; an application that only calls others need not.
        start: Whether `init_app` starts; else call `start` in each process that serves.
        health: Returns whether the application is healthy; while it is not, it is deregistered. None: it is registered
            for as long as its session lives.
        health_every: Seconds between two calls of `health`.
    """

    connection: Connection
    lookup: CachedDiscovery
    registration: Registration | None = None
    draining: Draining | None = None

    def __init__(
        self,
        app: Flask | None = None,
        *,
        register: bool = True,
        start: bool = True,
        health: Callable[[], bool] | None = None,
        health_every: float = 5.0,
    ) -> None:
        self._register, self._start_at_once = register, start
        self._health = None if health is None else HealthCheck(health, every=health_every, within=health_every)
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Connect, and register the application in the background.

        Raises:
            BadInput: A setting is missing or wrong.
            Unreachable: ZooKeeper does not answer, and `ZOOKEEPER_AT_START` is not `wait`; call it again to try again.
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
        registration = draining = None
        requests = RequestsUnderWay(app.wsgi_app)
        if self._register and settings.service is not None:
            registration = Registration(
                connection, settings.service, settings.instance, health=self._health, at_start=settings.at_start
            )
            draining = Draining(registration.close, requests, drain=settings.drain)
        self.connection, self.lookup = connection, lookup
        self.registration, self.draining = registration, draining
        if self._start_at_once:
            self.start()
        app.wsgi_app = requests  # type: ignore[method-assign] # as Flask's documentation has it
        app.extensions[NAME] = self

    def start(self) -> None:
        """Register, and deregister at SIGTERM; `init_app` calls it unless `start` is False.

        Raises:
            Unreachable: ZooKeeper does not answer, and `ZOOKEEPER_AT_START` is not `wait`.
            NotAllowed: The service belongs to another credential.
        """
        if self.registration is None or self.draining is None:
            return
        try:
            self.registration.start()
        except DiscoveryError:
            self.connection.close()
            raise
        self.draining.install()

    def close(self) -> None:
        """Deregister the application and disconnect."""
        if self.registration is not None:
            self.registration.close()
        self.lookup.close()
        self.connection.close()
