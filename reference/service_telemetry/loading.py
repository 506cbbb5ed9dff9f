"""A bounded load on a service: requests for random numbers, each of which must be answered with 200.

Use it to keep a service busy while a profiler watches.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

import requests

from .errors import BadInput, LoadFailed
from .first import LARGEST

TIMEOUT = 60.0


@dataclass(frozen=True)
class Answered:
    """One request that was answered with 200.

    Attributes:
        n: The number that was requested.
        seconds: How long the answer took.
    """

    n: int
    seconds: float


def load(url: str, count: int, *, largest: int = LARGEST, seed: int | None = None) -> Iterator[Answered]:
    """Send requests `GET URL/N` one after another, with N drawn from 1 to `largest`.

    Args:
        url: Base URL of the service.
        count: Number of requests.
        largest: The largest N.
        seed: Seed of the random numbers; the same seed repeats them.

    Yields:
        Each answer when it arrives.

    Raises:
        BadInput: The URL is not an HTTP address, or a number is below 1; nothing was sent.
        LoadFailed: A request was not answered, or not with 200.
    """
    if not url.startswith(("http://", "https://")):
        raise BadInput(f"{url} is not the URL of a service: give one such as http://127.0.0.1:5000")
    if count < 1 or largest < 1:
        raise BadInput(f"{count} requests for numbers up to {largest}: both must be 1 or more")
    return _load(url.rstrip("/"), count, largest, random.Random(seed))  # noqa: S311  # a load, no secret


def _load(url: str, count: int, largest: int, numbers: random.Random) -> Iterator[Answered]:
    with requests.Session() as session:
        for _ in range(count):
            n = numbers.randint(1, largest)
            begun = time.perf_counter()
            try:
                answer = session.get(f"{url}/{n}", timeout=TIMEOUT)
            except requests.RequestException as error:
                raise LoadFailed(f"{url}/{n} was not answered: {error}") from error
            if answer.status_code != 200:
                raise LoadFailed(f"{url}/{n} was answered with {answer.status_code}, not with 200")
            yield Answered(n, time.perf_counter() - begun)
