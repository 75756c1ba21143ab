"""When a request is tried again, and after how long: with jitter, within the attempts and the time of one call."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from email.utils import parsedate_to_datetime

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)

from cds_hooks.ehr.failures import FhirFailure

_JITTER_SECONDS = 0.05
_LONGEST_BACKOFF_SECONDS = 0.5
_DIGITS_OF_SECONDS = 9


def retrying(*, attempts: int, left: float, sleep: Callable[[float], Awaitable[None]]) -> AsyncRetrying:
    """Tries what ends in a `FhirFailure` that may succeed `again`, at most `attempts` times, and never begins a wait
    that would end after `left` seconds. The last failure is raised as it is.
    """
    return AsyncRetrying(
        sleep=sleep,
        retry=retry_if_exception(lambda error: isinstance(error, FhirFailure) and error.again),
        wait=_wait,
        stop=stop_after_attempt(attempts) | stop_before_delay(max(0.0, left)),
        reraise=True,
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds of ``Retry-After`` (RFC 9110, 10.2.3), which is a number or a date; None without a usable one.

    A date is read against the answer's own ``Date``, so that neither clock matters.

    >>> retry_after({"retry-after": "3"})
    3.0
    >>> retry_after({"retry-after": "Mon, 23 Nov 2026 08:00:05 GMT", "date": "Mon, 23 Nov 2026 08:00:00 GMT"})
    5.0
    """
    said = headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        return float(said[:_DIGITS_OF_SECONDS])
    try:
        until, sent = (parsedate_to_datetime(text) for text in (said, headers.get("date", "")))
        return max(0.0, (until - sent).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


_backoff = wait_random_exponential(multiplier=_JITTER_SECONDS, max=_LONGEST_BACKOFF_SECONDS)


def _wait(state: RetryCallState) -> float:
    """Seconds before the next attempt: what the server asked for, or else a growing time. Jitter keeps calls that
    failed together from coming back together.
    """
    error = state.outcome.exception() if state.outcome is not None else None
    if isinstance(error, FhirFailure) and error.wait is not None:
        return error.wait + random.uniform(0, _JITTER_SECONDS)  # noqa: S311 - spreads load, guards nothing
    return _backoff(state)
