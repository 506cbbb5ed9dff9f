"""Requests to HTTPBin, each an object of a class."""

from __future__ import annotations

import abc
import dataclasses
from typing import Any

import requests

TIMEOUT = 10
"""Seconds to wait for HTTPBin to accept a connection, and for each piece of its answer."""


@dataclasses.dataclass(kw_only=True)
class HttpBinRequest(abc.ABC):
    """A request to HTTPBin.

    Attributes:
        base_url: URL of HTTPBin.
    """

    base_url: str = "https://httpbin.org"

    @abc.abstractmethod
    def execute(self) -> Any:
        """Send the request and return the JSON of the answer.

        Raises:
            requests.RequestException: HTTPBin does not answer, or answers with an error.
        """
        raise NotImplementedError


@dataclasses.dataclass(kw_only=True)
class HttpBinPost(HttpBinRequest):
    """A POST request to HTTPBin, with query parameters and a JSON body.

    Attributes:
        params: Query parameters.
        json: The body.
    """

    params: dict[str, Any] = dataclasses.field(default_factory=dict)
    json: dict[str, Any] = dataclasses.field(default_factory=dict)

    def execute(self) -> Any:
        """Send the request and return HTTPBin's description of it.

        Raises:
            requests.RequestException: HTTPBin does not answer, or answers with an error.
        """
        answer = requests.post(f"{self.base_url}/post", params=self.params, json=self.json, timeout=TIMEOUT)
        answer.raise_for_status()
        return answer.json()
