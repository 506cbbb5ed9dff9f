"""Requests to a REST endpoint, with retries while the server may recover, and errors that have the server's message.

Read this to see which answers are retried, and how a server's answer becomes an error of this library.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests

from reference.realtime_data_platform.errors import BadInput, Refused, Unreachable

from .retry import retry, wait_until

T = TypeVar("T")

GATEWAY_ERRORS = frozenset({502, 503, 504})


class _Temporary(Refused):
    """An error answer after which the same request may succeed."""


class Rest:
    """A REST endpoint.

    Args:
        url: Its address, such as `http://localhost:8083`.
        name: Name of the server in error messages.
        patience: Timeout in seconds for an answer, including retries, and for a condition (`wait_until`).
        retried: Status codes after which a request is sent again.
        retried_message: A request is also sent again if the error message contains this text, whatever its status code.
        session: Cookies and headers that all requests share; by default each request has none.

    Raises:
        BadInput: The URL is not an HTTP address.
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
    ) -> None:
        if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
            raise BadInput(f"{url!r} is not an address of {name}: use http://HOST:PORT")
        self.url = url.rstrip("/")
        self.name = name
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
                answer = self._request(method, self.url + path, timeout=self.patience, **content)
            except requests.RequestException as error:
                raise Unreachable(f"{self.name} does not answer at {self.url}: {error}") from error
            if answer.ok or (allow_missing and answer.status_code == requests.codes.not_found):
                return answer
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
