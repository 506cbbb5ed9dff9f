"""A service's own counters and histograms, which work with any meter provider of the process.

`opentelemetry-instrument` sets the only provider of a process; a second one is refused with a mere warning. Instruments
from the API work with that provider, with one that is set later, and without any. Read this to measure something that
no instrumentation measures.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

from opentelemetry import metrics

from .errors import BadInput

if TYPE_CHECKING:
    from opentelemetry.metrics import Counter, Histogram

SECONDS = "s"
DURATIONS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Upper bounds in seconds of the buckets for durations, from the semantic conventions of HTTP metrics."""


_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_./-]{0,254}")


def counter(name: str, description: str, *, unit: str = "1", scope: str = __name__) -> Counter:
    """Return a counter, which only grows.

    Args:
        name: The counter's name, such as `first.request.count`.
        description: What the counter counts.
        unit: A unit of UCUM; `1` for a count without a unit.
        scope: Name of the library or service that measures.

    Raises:
        BadInput: The name is not a valid name of an instrument.
    """
    _check_name(name)
    return metrics.get_meter(scope).create_counter(name, unit=unit, description=description)


def durations(
    name: str, description: str, *, bounds: tuple[float, ...] = DURATIONS, scope: str = __name__
) -> Histogram:
    """Return a histogram of durations in seconds.

    The SDK's default buckets are made for milliseconds: they would put all durations below 5 seconds into one bucket.

    Args:
        name: The histogram's name, such as `httpbin.latency`.
        description: What takes the time.
        bounds: Upper bounds of the buckets in seconds, increasing.
        scope: Name of the library or service that measures.

    Raises:
        BadInput: There are no bounds, or they do not increase; or the name is not a valid name of an instrument.
    """
    _check_name(name)
    given: Sequence[object] = bounds  # a caller without types may pass anything
    numbers = all(isinstance(bound, int | float) and math.isfinite(bound) for bound in given)
    if not bounds or not numbers or any(lower >= upper for lower, upper in pairwise(bounds)):
        raise BadInput(f"the bounds of {name} are {bounds}: give at least one number, each larger than the one before")
    return metrics.get_meter(scope).create_histogram(
        name, unit=SECONDS, description=description, explicit_bucket_boundaries_advisory=list(bounds)
    )


@contextmanager
def timed(histogram: Histogram, attributes: Mapping[str, str] | None = None) -> Iterator[None]:
    """Record how many seconds the block takes, by a monotonic clock.

    A block that raises is recorded with the attribute `error.type`, the name of the exception's class.

    Args:
        histogram: A histogram from `durations`.
        attributes: Attributes of the measurement. Each should have few distinct values, and no part of a request.
    """
    noted = dict(attributes or {})
    begun = time.perf_counter()
    try:
        yield
    except BaseException as error:
        noted["error.type"] = type(error).__qualname__
        raise
    finally:
        histogram.record(time.perf_counter() - begun, noted)


def _check_name(name: str) -> None:
    # If the provider is set later, OpenTelemetry accepts a wrong name at first, and then records nothing.
    if not _NAME.fullmatch(name):
        raise BadInput(
            f"{name!r} is not a valid name of an instrument: begin with a letter, and use letters, digits and _ . - /"
        )
