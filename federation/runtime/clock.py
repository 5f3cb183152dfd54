"""The one place that asks the machine for the time; everyone else takes it as an argument."""

import time
from datetime import UTC, datetime


def wall_seconds() -> float:
    """Seconds since 1970."""
    return time.time()  # noqa: TID251


def utc_now() -> datetime:
    """The time with its zone."""
    return datetime.now(UTC)  # noqa: TID251
