"""Times are RFC 3339 and in UTC, wherever they come from."""

from datetime import UTC, datetime, timedelta, timezone

from federation.model.timestamps import rfc3339


def test_seconds_and_times_of_any_zone_are_written_in_utc() -> None:
    assert rfc3339(0) == "1970-01-01T00:00:00Z"
    assert rfc3339(1_772_323_200.9) == "2026-03-01T00:00:00Z"
    there = datetime(2026, 3, 1, 2, 0, 0, 5, tzinfo=timezone(timedelta(hours=2)))
    assert rfc3339(there) == rfc3339(datetime(2026, 3, 1, tzinfo=UTC)) == "2026-03-01T00:00:00Z"
    assert rfc3339(1.25, "milliseconds") == "1970-01-01T00:00:01.250Z"
