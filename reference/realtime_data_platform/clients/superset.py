"""Import assets into Superset, read what is there, and make roles, by its REST API.

Read this to see how a program logs in: a token of its own, and with it the CSRF token and the cookie that every request
needs which changes something.
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
"""Name of the folder in an archive of assets; Superset takes any."""

PAGE = 100
"""How many permissions or roles are asked for at once, which is the most that Superset gives."""


class Superset:
    """A Superset, and a user of it who may make databases and dashboards.

    Args:
        url: Its address.
        user: The user.
        password: The user's password, as Superset's own database of users has it.
        patience: Timeout in seconds for an answer.

    Raises:
        BadInput: The URL is not an HTTP address.
    """

    def __init__(self, url: str, user: str, password: str, *, patience: float = 60) -> None:
        self._user, self._password = user, password
        self._session = requests.Session()
        self._session.headers["Accept"] = "application/json"  # else some errors are pages
        self._rest = Rest(url, "Superset", patience=patience, session=self._session)

    @property
    def url(self) -> str:
        """Its address."""
        return self._rest.url

    def request(self, method: str, path: str, **content: Any) -> Any:
        """Send a request as the user, who is logged in before the first, and return the JSON of the answer.

        Args:
            method: The HTTP method.
            path: The path after `/api/v1/`, with its query.
            content: The body, as arguments of `requests.request`.

        Raises:
            Refused: Superset answered with an error, such as that of a wrong password.
            Unreachable: It did not answer within the timeout.
        """
        self._log_in()
        return self._rest.request(method, f"/api/v1/{path}", **content)

    def find(self, path: str) -> Any:
        """Return the object at a path after `/api/v1/`, or None when there is none."""
        self._log_in()
        found = self._rest.find(f"/api/v1/{path}")
        return None if found is None else found["result"]

    def database(self, name: str) -> Any:
        """Return the database of a name, or None when there is none."""
        listed = self.request("GET", f"database/?q={_filter('database_name', name)}")["result"]
        return listed[0] if listed else None

    def import_assets(self, files: Mapping[str, str]) -> None:
        """Import databases, data sets, charts and dashboards in one transaction; idempotent.

        What has a UUID of the files is replaced, and keeps its number.

        Args:
            files: Text by path, as Superset exports assets.
        """
        content = {"bundle": ("assets.zip", archive(files), "application/zip")}
        self.request("POST", "assets/import/", files=content)

    def test_connection(self, name: str, uri: str) -> None:
        """Let Superset connect to a database.

        Raises:
            Refused: It cannot.
        """
        self.request("POST", "database/test_connection/", json={"database_name": name, "sqlalchemy_uri": uri})

    def apply_role(self, name: str, permissions: Collection[tuple[str, str]]) -> None:
        """Create a role, or replace the permissions of an existing one.

        Args:
            name: The role's name.
            permissions: What it may do with what, such as `("can_read", "Chart")`.

        Raises:
            NotFound: Superset knows no such permission.
            Refused: The user is no administrator.
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
        self._session.headers["Referer"] = self.url  # which Superset compares where it is reached by HTTPS


def archive(files: Mapping[str, str]) -> bytes:
    """Return a ZIP archive of assets, as Superset exports and imports them."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        for path, text in files.items():
            packed.writestr(f"{ROOT}/{path}", text)
    return content.getvalue()


def _filter(column: str, value: str) -> str:
    """Return a query, in Superset's notation, for the objects with a value in a column."""
    escaped = value.replace("!", "!!").replace("'", "!'")
    return quote(f"(filters:!((col:{column},opr:eq,value:'{escaped}')))", safe="")
