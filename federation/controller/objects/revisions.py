"""Where the revisions of a life of the controller begin: above all that were told before.

Views and status are in no store, so the API counts its revisions itself, from the time in
microseconds on: less than one is used up for each that passes. The beginning is written down, so
that a clock which was set back gives none twice; after a restore of an older store the time still
is later.
"""

from federation.controller.store.store import IntentStore

_KEY = "api/revision"
_MOST_IN_A_LIFE = 100_000_000
"""Revisions of one life: more than ever happen between two starts of a controller."""


async def first_revision(store: IntentStore, now: float) -> int:
    """The revision at which this life begins; `now` in seconds since 1970. Raises Failed."""
    found = await store.read(_KEY)
    least = int(found.value) + _MOST_IN_A_LIFE if found is not None else 0
    first = max(int(now * 1_000_000), least)
    await store.write(_KEY, str(first).encode(), found.revision if found is not None else 0)
    return first
