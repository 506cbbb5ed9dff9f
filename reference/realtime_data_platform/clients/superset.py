"""Import assets into Superset, find its objects, and create roles, by its REST API.

Read this to see how a program logs in: it gets an access token, and with that the CSRF token and the cookie without
which Superset refuses every request that changes something.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote

import requests

from reference.realtime_data_platform.errors import NotFound, Refused

from .rest import Rest

ROOT = "assets"
"""Name of the top folder in an archive of assets; Superset accepts any name."""

PAGE = 100
"""How many permissions or roles are requested at once: the most that Superset returns."""


class Superset:
    """A Superset server, used as a user who may create databases and dashboards.

    Args:
        url: The server's address.
        user: The user's name.
        password: The user's password in Superset's own database of users.
        patience: Timeout in seconds for an answer.

    Raises:
        BadInput: The URL is not an HTTP address.
    """

    def __init__(self, url: str, user: str, password: str, *, patience: float = 60) -> None:
        self._user, self._password = user, password
        self._session = requests.Session()
        self._session.headers["Accept"] = "application/json"  # otherwise some errors are HTML pages
        self._rest = Rest(url, "Superset", patience=patience, session=self._session)

    @property
    def url(self) -> str:
        """The server's address."""
        return self._rest.url

    def request(self, method: str, path: str, **content: Any) -> Any:
        """Send a request as the user, and return the JSON of the answer; the first request logs the user in.

        Args:
            method: The HTTP method.
            path: The path after `/api/v1/`, with its query.
            content: The body, as arguments of `requests.request`.

        Raises:
            Refused: Superset answered with an error, for example because the password is wrong.
            Unreachable: Superset did not answer within the timeout.
        """
        self._log_in()
        return self._rest.request(method, f"/api/v1/{path}", **content)

    def find(self, path: str) -> Any:
        """Return the object at a path after `/api/v1/`, or None if there is no such object."""
        self._log_in()
        found = self._rest.find(f"/api/v1/{path}")
        return None if found is None else found["result"]

    def database(self, name: str) -> Any:
        """Return the database of this name, or None if there is no such database."""
        listed = self.request("GET", f"database/?q={_filter('database_name', name)}")["result"]
        return listed[0] if listed else None

    def import_assets(self, files: Mapping[str, str]) -> None:
        """Import databases, data sets, charts and dashboards in one transaction; idempotent.

        An existing object with the UUID of a file is replaced, and keeps its id.

        Args:
            files: Text of each file by its path, in the form in which Superset exports assets.
        """
        content = {"bundle": ("assets.zip", archive(files), "application/zip")}
        self.request("POST", "assets/import/", files=content)

    def test_connection(self, name: str, uri: str) -> None:
        """Let Superset connect to a database.

        Raises:
            Refused: Superset cannot connect to it.
        """
        self.request("POST", "database/test_connection/", json={"database_name": name, "sqlalchemy_uri": uri})

    def apply_role(self, name: str, permissions: Collection[tuple[str, str]]) -> None:
        """Create a role, or replace the permissions of an existing one.

        Args:
            name: The role's name.
            permissions: Pairs of an action and a resource, such as `("can_read", "Chart")`.

        Raises:
            NotFound: Superset does not know one of the permissions.
            Refused: The user is not an administrator.
        """
        known = {
            (each["permission"]["name"], each["view_menu"]["name"]): each["id"]
            for each in self._all("security/permissions-resources/")
        }
        if unknown := sorted(set(permissions) - known.keys()):
            raise NotFound(f"Superset knows no permission {' on '.join(unknown[0])}")
        roles = {each["name"]: each["id"] for each in self._all("security/roles/")}
        if name not in roles:
            roles[name] = self.request("POST", "security/roles/", json={"name": name})["id"]
        numbers = sorted(known[each] for each in permissions)
        self.request("POST", f"security/roles/{roles[name]}/permissions", json={"permission_view_menu_ids": numbers})

    def _all(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = self.request("GET", f"{path}?q=(page:{len(found) // PAGE},page_size:{PAGE})")
            found += page["result"]
            if len(found) >= page["count"] or not page["result"]:
                return found

    def _log_in(self) -> None:
        if "Authorization" in self._session.headers:
            return
        login = {"username": self._user, "password": self._password, "provider": "db", "refresh": False}
        try:
            token = self._rest.request("POST", "/api/v1/security/login", json=login)["access_token"]
        except Refused as refusal:
            raise Refused(f"Superset at {self.url} refuses the login of {self._user!r}: {refusal}") from refusal
        self._session.headers["Authorization"] = f"Bearer {token}"
        self._session.headers["X-CSRFToken"] = self._rest.request("GET", "/api/v1/security/csrf_token/")["result"]
        self._session.headers["Referer"] = self.url  # Superset checks it if it is reached by HTTPS


def archive(files: Mapping[str, str]) -> bytes:
    """Return a ZIP archive of assets, as Superset exports and imports them."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        for path, text in files.items():
            packed.writestr(f"{ROOT}/{path}", text)
    return content.getvalue()


def _filter(column: str, value: str) -> str:
    """Return the query, in Superset's notation, that finds the objects with a value in a column."""
    escaped = value.replace("!", "!!").replace("'", "!'")
    return quote(f"(filters:!((col:{column},opr:eq,value:'{escaped}')))", safe="")
