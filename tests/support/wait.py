"""Waiting for a condition, never for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], limit_s: float, what: str, every_s: float = 0.02) -> T:
    """The first true value of `condition`; AssertionError with the last value when the limit is reached."""
    end = time.monotonic() + limit_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {limit_s} s: {what}; last seen: {value!r}")
        time.sleep(every_s)
