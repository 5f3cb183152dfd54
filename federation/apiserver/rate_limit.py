"""How often a source may ask without the API's token: so many times a second, and the rest waits.

In: a source, and now. Out: how long its request waits for its turn. Waiting costs nearly nothing,
where a refusal would only be asked for again; whoever shows the token never waits.
"""

ASKS_PER_SECOND = 50
ASKS_AT_ONCE = 200
MOST_SECONDS = 10.0
"""A request whose turn comes later than that is refused."""
_MOST_REMEMBERED = 10_000


class Strangers:
    """The turns of each source; `now` is the loop's time."""

    def __init__(self, per_second: float = ASKS_PER_SECOND, at_once: int = ASKS_AT_ONCE) -> None:
        self._per_second = per_second
        self._at_once = at_once
        self._next: dict[bytes, float] = {}

    def turn(self, source: bytes, now: float) -> float | None:
        """In how many seconds it is its turn; None when that is too late."""
        if source not in self._next and len(self._next) >= _MOST_REMEMBERED:
            self._forget(now)
        saved = now - self._at_once / self._per_second
        due = max(self._next.get(source, saved), saved)
        if due - now > MOST_SECONDS:
            return None
        self._next[source] = due + 1 / self._per_second
        return max(0.0, due - now)

    def _forget(self, now: float) -> None:
        """Those who have asked little of late are as good as unknown."""
        self._next = {source: due for source, due in self._next.items() if due > now}
        if len(self._next) >= _MOST_REMEMBERED:
            self._next.clear()
