"""Waiting with a bound: for a state, and through a failure that may pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    retry_if_result,
    stop_after_delay,
    wait_fixed,
)

from .errors import NotInTime

T = TypeVar("T")

PAUSE = 0.2


def until(done: Callable[[], T], message: str, *, within: float) -> T:
    """Ask `done` until it says yes, and return what it said.

    Args:
        done: Asked again and again; what it raises ends the wait.
        message: What is wrong as long as it does not say yes.
        within: Bound in seconds; it is asked at least once.

    Raises:
        NotInTime: It did not within the bound.
    """

    def give_up(_: RetryCallState) -> T:
        raise NotInTime(f"{message} within {within:g} s")

    return Retrying(
        retry=retry_if_result(lambda answer: not answer),
        stop=stop_after_delay(within),
        wait=wait_fixed(PAUSE),
        retry_error_callback=give_up,
    )(done)


def through(call: Callable[[], T], *passing: type[Exception], within: float) -> T:
    """Return what `call` returns, called again after each `passing` error; the last one is raised at the bound."""
    return Retrying(
        retry=retry_if_exception_type(passing),
        stop=stop_after_delay(within),
        wait=wait_fixed(PAUSE),
        reraise=True,
    )(call)
