"""Requests to a REST endpoint, with retries while the server may recover, and errors that have the server's message.

Read this to see which answers are retried, and how a server's answer becomes an error of this library.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import requests

from reference.realtime_data_platform.endpoints import HTTPAddress
from reference.realtime_data_platform.errors import Refused, Unreachable

from .encryption import not_accepted, why_not_secure
from .retry import retry, wait_until

T = TypeVar("T")

GATEWAY_ERRORS = frozenset({502, 503, 504})


class _Temporary(Refused):
    """An error answer after which the same request may succeed."""


class Rest:
    """A REST endpoint.

    Args:
        url: Its address, such as `http://localhost:8083` or `https://USER:PASSWORD@connect`.
        name: Name of the server in error messages.
        patience: Timeout in seconds for an answer, including retries, and for a condition (`wait_until`).
        retried: Status codes after which a request is sent again.
        retried_message: A request is also sent again if the error message contains this text, whatever its status code.
        session: Cookies and headers that all requests share; by default each request has none.
        ca: File of the certificate authorities that are trusted; by default those that `requests` trusts.

    Raises:
        BadInput: The URL is not an HTTP address, or a password is to be sent without encryption.
    """

    def __init__(
        self,
        url: str,
        name: str,
        *,
        patience: float = 30,
        retried: frozenset[int] = GATEWAY_ERRORS,
        retried_message: str | None = None,
        session: requests.Session | None = None,
        ca: str = "",
    ) -> None:
        address = HTTPAddress.of(url, name)
        self.url = address.url
        self.name = name
        self._user = address.user
        # Without a user `requests` looks into the user's netrc.
        login = (address.user, address.password) if address.user else None
        self._how: dict[str, Any] = {"verify": ca or True} | ({"auth": login} if session is None else {})
        self._logs_in_by_itself = session is not None
        self.patience = patience
        self._retried = retried
        self._retried_message = retried_message
        self._request = requests.request if session is None else session.request

    def find(self, path: str) -> Any:
        """Return the JSON at `path`, or None when the server answers 404."""
        return self._content(self._answer("GET", path, allow_missing=True))

    def request(self, method: str, path: str, **content: Any) -> Any:
        """Send a request, and return the JSON of the answer.

        Args:
            method: The HTTP method.
            path: The path, with its query.
            content: The body, as arguments of `requests.request`.

        Raises:
            NotSecure: The connection cannot be encrypted as the address says.
            Refused: The server answered with an error.
            Unreachable: The server did not answer within the timeout.
        """
        return self._content(self._answer(method, path, **content))

    def wait_until(self, condition: Callable[[], T], message: str) -> T:
        """Call `condition` until it returns a true value, and return that value.

        Args:
            condition: Called repeatedly.
            message: What is wrong while the condition is false; the error adds the server's name and the timeout.

        Raises:
            NotInTime: The condition was still false at the timeout.
        """
        return wait_until(condition, f"{self.name}: {message}", within=self.patience)

    def _answer(self, method: str, path: str, allow_missing: bool = False, **content: Any) -> requests.Response:
        def send() -> requests.Response:
            try:
                answer = self._request(method, self.url + path, timeout=self.patience, **self._how, **content)
            except requests.RequestException as error:
                if reason := why_not_secure(error, self.name, self.url):
                    raise reason from error
                raise Unreachable(f"{self.name} does not answer at {self.url}: {error}") from error
            if answer.ok or (allow_missing and answer.status_code == requests.codes.not_found):
                return answer
            if answer.status_code == requests.codes.unauthorized and not self._logs_in_by_itself:
                raise Refused(not_accepted(self.name, self.url, self._user))
            message = _error_message(answer)
            temporary = answer.status_code in self._retried or (
                self._retried_message is not None and self._retried_message in message
            )
            raise (_Temporary if temporary else Refused)(f"{self.name} refused {method} {path}: {message}")

        return retry(send, Unreachable, _Temporary, within=self.patience)

    def _content(self, answer: requests.Response) -> Any:
        if not answer.ok or not answer.content:
            return None
        try:
            return answer.json()
        except ValueError as error:
            raise Refused(f"{self.url} does not answer in JSON: is this the address of {self.name}?") from error


def _error_message(answer: requests.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        return answer.text.strip() or answer.reason
    if isinstance(body, Mapping):
        if isinstance(errors := body.get("errors"), list) and errors and isinstance(errors[0], Mapping):
            return str(errors[0].get("message") or body)
        return str(body.get("message") or body.get("error") or body)
    return str(body)


def missing_from(sent: Any, read: Any, path: str = "") -> list[str]:
    """Return the paths at which a configuration that was read back from a server differs from the one that was sent.

    Keys that were not sent are ignored, since servers add their own. Values are compared as text without regard to
    case, since servers return numbers and booleans as strings.

    Args:
        sent: The configuration that was sent, or a part of it.
        read: The same part, as the server returns it.
        path: Path of the part in the whole configuration.
    """
    if isinstance(sent, Mapping):
        if not isinstance(read, Mapping):
            return [path or "everything"] if sent else []
        return [lack for key, value in sent.items() for lack in missing_from(value, read.get(key), f"{path}/{key}")]
    if isinstance(sent, list):
        if not sent and read is None:
            return []
        if not isinstance(read, list) or len(read) != len(sent):
            return [path]
        pairs = enumerate(zip(sent, read, strict=True))
        return [lack for index, (a, b) in pairs for lack in missing_from(a, b, f"{path}/{index}")]
    return [] if str(sent).lower() == str(read).lower() else [path]
