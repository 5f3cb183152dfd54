"""Times as people and programs read them: RFC 3339, in UTC."""

from datetime import UTC, datetime


def rfc3339(at: datetime | float, timespec: str = "seconds") -> str:
    """A time (seconds since 1970, or with its zone) such as 2026-03-01T12:00:00Z."""
    moment = at.astimezone(UTC) if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)
    return f"{moment.replace(tzinfo=None).isoformat(timespec=timespec)}Z"
