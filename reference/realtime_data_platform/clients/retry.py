"""Wait for a condition, or retry a call after errors that may pass, both with a timeout."""

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

from reference.realtime_data_platform.errors import NotInTime

T = TypeVar("T")

PAUSE = 0.2
"""Seconds between two attempts."""


def wait_until(condition: Callable[[], T], message: str, *, within: float) -> T:
    """Call `condition` until it returns a true value, and return that value.

    Args:
        condition: Called repeatedly; an error that it raises ends the wait.
        message: What is wrong while the condition is false; begins the error.
        within: Timeout in seconds; the condition is called at least once.

    Raises:
        NotInTime: The condition was still false at the timeout.
    """

    def give_up(_: RetryCallState) -> T:
        raise NotInTime(f"{message} within {within:g} s")

    return Retrying(
        retry=retry_if_result(lambda answer: not answer),
        stop=stop_after_delay(within),
        wait=wait_fixed(PAUSE),
        retry_error_callback=give_up,
    )(condition)


def retry(call: Callable[[], T], *errors: type[Exception], within: float) -> T:
    """Return what `call` returns; call it again after one of the given errors.

    Args:
        call: The call, safe to repeat after one of these errors.
        errors: Errors that may pass.
        within: Timeout in seconds; after it the last error is raised.
    """
    return Retrying(
        retry=retry_if_exception_type(errors),
        stop=stop_after_delay(within),
        wait=wait_fixed(PAUSE),
        reraise=True,
    )(call)
