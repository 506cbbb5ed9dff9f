"""A REST endpoint: retried while it may recover, its refusals told in its own words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests

from .errors import BadInput, Refused, Unreachable
from .patience import through, until

T = TypeVar("T")

GATEWAY_WAITS = frozenset({502, 503, 504})


class _MayRecover(Refused):
    """A refusal that another attempt may not meet."""


class Rest:
    """One endpoint.

    Args:
        url: Where it is: `http://localhost:8083`.
        name: What it is called in messages.
        patience: Seconds within which it must answer, and be done with what it was given.
        may_recover: Status codes after which it is asked again.

    Raises:
        BadInput: That is no address.
    """

    def __init__(
        self, url: str, name: str, *, patience: float = 30, may_recover: frozenset[int] = GATEWAY_WAITS
    ) -> None:
        if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
            raise BadInput(f"{url!r} is no address of {name}: http://HOST:PORT")
        self.url = url.rstrip("/")
        self.name = name
        self.patience = patience
        self._may_recover = may_recover

    def find(self, path: str) -> Any:
        """Return what lies at `path`, None where there is nothing."""
        return self._content(self._answer("GET", path, nothing_is_an_answer=True))

    def ask(self, method: str, path: str, **content: Any) -> Any:
        """Return the answer to a request.

        Raises:
            Refused: It said no.
            Unreachable: It did not answer within the bound.
        """
        return self._content(self._answer(method, path, **content))

    def until(self, done: Callable[[], T], message: str) -> T:
        """Ask `done` until it says yes.

        Raises:
            NotInTime: It did not within the bound.
        """
        return until(done, f"{self.name}: {message}", within=self.patience)

    def _answer(self, method: str, path: str, nothing_is_an_answer: bool = False, **content: Any) -> requests.Response:
        def ask() -> requests.Response:
            try:
                answer = requests.request(method, self.url + path, timeout=self.patience, **content)
            except requests.RequestException as error:
                raise Unreachable(f"{self.name} does not answer at {self.url}: {error}") from error
            if answer.ok or (nothing_is_an_answer and answer.status_code == requests.codes.not_found):
                return answer
            kind = _MayRecover if answer.status_code in self._may_recover else Refused
            raise kind(f"{self.name} refused {method} {path}: {_said(answer)}")

        return through(ask, Unreachable, _MayRecover, within=self.patience)

    @staticmethod
    def _content(answer: requests.Response) -> Any:
        return answer.json() if answer.ok and answer.content else None


def _said(answer: requests.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        return answer.text.strip() or answer.reason
    if isinstance(body, Mapping):
        return str(body.get("message") or body.get("error") or body)
    return str(body)


def missing_from(sent: Any, read: Any, path: str = "") -> list[str]:
    """Return where what was read back lacks or changes what was sent; more than was sent is the server's own."""
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
