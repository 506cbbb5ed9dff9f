"""Wait for a condition, or retry a call after temporary errors, both with a timeout.

Read this to see how long the clients pause between attempts and what they raise at the timeout.
"""

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
        message: What is wrong while the condition is false; the error begins with it.
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
    """Return what `call` returns; after one of the given errors, call it again.

    Args:
        call: The function to call; it must be safe to repeat after one of the given errors.
        errors: Classes of temporary errors.
        within: Timeout in seconds; after it the last error is raised.
    """
    return Retrying(
        retry=retry_if_exception_type(errors),
        stop=stop_after_delay(within),
        wait=wait_fixed(PAUSE),
        reraise=True,
    )(call)
