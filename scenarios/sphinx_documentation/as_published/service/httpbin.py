import abc
import dataclasses
from typing import Any

import requests


class _HttpBinRequest(abc.ABC):
    base_url: str = "https://httpbin.org"

    @abc.abstractmethod
    def execute(self) -> Any:
        raise NotImplemented


@dataclasses.dataclass
class HttpBinPost(_HttpBinRequest):
    """A POST request to HTTPBin, with query parameters and a JSON body."""

    params: dict[str, Any] = dataclasses.field(default=dict)
    json: dict[str, Any] = dataclasses.field(default=dict)

    def execute(self) -> Any:
        kind = {"Content-Type": "application/json"} if self.json else {}
        answer = requests.post(url=f"{self.base_url}/post", params=self.params, json=self.json, headers=kind)
        answer.raise_for_status()
        return answer.json()
