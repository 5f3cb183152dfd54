"""The mass-withdrawal guard: what of a cluster stays in force though it is not reported any more.

One `Guard` counts one kind of thing of one cluster (its exports, or its services with a ready
endpoint). In: names that are reported and not any more, `now`. Out: the names to hold back. It
holds what goes when that leaves less than half of the highest count of the last 60 s. A name is
held until it is reported again, excused (somebody saw it go) or confirmed by a person. Next:
`federation.controller.admission.withdrawals`.
"""

from collections.abc import Set as AbstractSet

from federation.model.names import ServiceName

WINDOW_SECONDS = 60.0

Names = AbstractSet[ServiceName]


class Guard:
    """One kind of thing of one cluster; a fall by `spare` of them or fewer is never held back.

    No more than `most` are held back: who says ever new names does not fill the memory.
    """

    def __init__(self, spare: int, most: int) -> None:
        self._spare = spare
        self._most = most
        self._reported: set[ServiceName] = set()
        self._held: dict[ServiceName, float] = {}
        self._peaks: list[tuple[float, int]] = []

    @property
    def held(self) -> Names:
        """What is in force though it is not reported."""
        return self._held.keys()

    @property
    def since(self) -> float | None:
        """When the oldest of it was not reported any more; seconds, as given."""
        return min(self._held.values(), default=None)

    @property
    def count(self) -> int:
        """How many are in force."""
        return len(self._reported) + len(self._held)

    def counts(self, name: ServiceName) -> bool:
        """Whether this is in force, reported or held back."""
        return name in self._reported or name in self._held

    def gain(self, names: Names) -> None:
        """These are reported (again)."""
        self._reported |= names
        for name in names & self._held.keys():
            del self._held[name]

    def lose(self, names: Names, excused: Names, now: float) -> Names:
        """These are reported no more; returns those that are held back.

        Somebody saw the `excused` ones go. They pass, and count as if they had never been.
        """
        lost = names & self._reported
        highest = self._highest(now)
        gone = lost & excused
        self.forget(gone)
        falling = lost - gone
        self._reported -= falling
        has_room = len(self._held) + len(falling) <= self._most
        if falling and has_room and self._is_mass(highest - len(gone)):
            self._held.update(dict.fromkeys(falling, now))
            return falling
        if falling:
            self._peaks.append((now, self.count + len(falling)))
        return frozenset()

    def release(self, names: Names) -> Names:
        """Somebody saw these go, or a person says so; returns those that were held back."""
        found = names & self._held.keys()
        self.forget(found)
        return found

    def forget(self, names: Names) -> None:
        """Count these as if they had never been."""
        self._reported -= names
        for name in names & self._held.keys():
            del self._held[name]
        self._peaks = [(at, count - len(names)) for at, count in self._peaks]

    def _highest(self, now: float) -> int:
        self._peaks = [(at, count) for at, count in self._peaks if at > now - WINDOW_SECONDS]
        return max(self.count, *(count for _, count in self._peaks), 0)

    def _is_mass(self, highest: int) -> bool:
        left = len(self._reported)
        return 2 * left < highest and highest - left > self._spare
