"""A REST endpoint: retried while it may recover, its refusals told in its own words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import requests
from tenacity import RetryCallState, Retrying, retry_if_exception_type, retry_if_result, stop_after_delay, wait_fixed

from .errors import NotInTime, Refused, Unreachable

T = TypeVar("T")

MAY_RECOVER = {409, 502, 503, 504}  # Connect rebalances, a gateway waits
PAUSE = 0.2


class Rest:
    """One endpoint.

    Args:
        url: Where it is: `http://localhost:8083`.
        name: What it is called in messages.
        patience: Seconds within which it must answer, and be done with what it was given.
    """

    def __init__(self, url: str, name: str, *, patience: float = 30) -> None:
        self.url = url.rstrip("/")
        self.name = name
        self.patience = patience

    def find(self, path: str) -> Any:
        """Return what lies at `path`, None where there is nothing."""
        answer = self._answer("GET", path)
        return None if answer.status_code == requests.codes.not_found else self._read("GET", path, answer)

    def ask(self, method: str, path: str, **content: Any) -> Any:
        """Return the answer to a request.

        Raises:
            Refused: It said no.
            Unreachable: It did not answer within the bound.
        """
        return self._read(method, path, self._answer(method, path, **content))

    def until(self, done: Callable[[], T], message: str) -> T:
        """Ask `done` until it says yes.

        Raises:
            NotInTime: It did not within the bound.
        """

        def give_up(_: RetryCallState) -> T:
            raise NotInTime(f"{self.name}: {message} within {self.patience:g} s")

        return Retrying(
            retry=retry_if_result(lambda answer: not answer),
            stop=stop_after_delay(self.patience),
            wait=wait_fixed(PAUSE),
            retry_error_callback=give_up,
        )(done)

    def _answer(self, method: str, path: str, **content: Any) -> requests.Response:
        def last(state: RetryCallState) -> requests.Response:
            assert state.outcome is not None
            error = state.outcome.exception()
            if error is None:
                return state.outcome.result()  # type: ignore[no-any-return]  # tenacity does not know its type
            raise Unreachable(f"{self.name} does not answer at {self.url}: {error}") from error

        return Retrying(
            retry=retry_if_exception_type(requests.ConnectionError)
            | retry_if_result(lambda answer: answer.status_code in MAY_RECOVER),
            stop=stop_after_delay(self.patience),
            wait=wait_fixed(PAUSE),
            retry_error_callback=last,
        )(requests.request, method, self.url + path, timeout=self.patience, **content)

    def _read(self, method: str, path: str, answer: requests.Response) -> Any:
        if not answer.ok:
            raise Refused(f"{self.name} refused {method} {path}: {_said(answer)}")
        return answer.json() if answer.content else None


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
