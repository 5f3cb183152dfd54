"""Since when something is so: what is found again is as old as when it was found first.

In: keys of what is found now, the time. Out: when each was found first. What is not found for a
moment, since a report was late or a proxy connected anew, is remembered a little longer.
"""

from collections.abc import Hashable, Iterable, Mapping

REMEMBERED_SECONDS = 30.0
MOST_REMEMBERED = 10_000


class FirstSeen:
    """Keys with the times (seconds since 1970) when they were seen first and last."""

    def __init__(self) -> None:
        self._seen: dict[Hashable, tuple[float, float]] = {}

    def see(self, keys: Iterable[Hashable], now: float) -> Mapping[Hashable, float]:
        """Take what is there now; returns since when each is."""
        found: dict[Hashable, float] = {}
        for key in keys:
            first = self._seen[key][0] if key in self._seen else now
            if key in self._seen or len(self._seen) < MOST_REMEMBERED:
                self._seen[key] = (min(first, now), now)
            found[key] = min(first, now)
        late = [k for k, (_, last) in self._seen.items() if now - last > REMEMBERED_SECONDS]
        for key in late:
            del self._seen[key]
        return found
