"""When a certificate was made and when it is renewed, from its two times alone.

In: the two ends of its life. Out: times. No certificates in here, so that a supervisor can ask
without loading the library that reads them.
"""

from datetime import datetime, timedelta

# Clocks of members differ: a certificate must be valid on a clock that runs late.
BACKDATE = timedelta(minutes=5)

# A short life set five minutes back would be past its half, and due again, when it is issued.
SHARE_OF_BACKDATE = 4


def backdate(life: timedelta) -> timedelta:
    """How far not_before lies back for a certificate that lives for `life` from now."""
    return min(BACKDATE, life / SHARE_OF_BACKDATE)


def made_at(not_before: datetime, not_after: datetime) -> datetime:
    """When a certificate was issued: not_before lies back by the rule of `backdate`.

    Earlier than that, never later, for one that was cut short by its issuer's end.
    """
    return not_before + min(BACKDATE, (not_after - not_before) / (SHARE_OF_BACKDATE + 1))


def renew_at(not_before: datetime, not_after: datetime) -> datetime:
    """Half of the life since it was made: the other half is the time in which renewing may fail.

    Both times carry a zone.
    """
    made = made_at(not_before, not_after)
    return made + (not_after - made) / 2


def seconds_until(due: datetime, now: datetime, *, least: float, most: float) -> float:
    """How long to sleep before `due`.

    At least `least` seconds, so that what cannot be renewed is not asked for all the time; at most
    `most`, so that a clock that was set is noticed.
    """
    return min(most, max(least, (due - now).total_seconds()))
