"""Room for a bounded number of connections; who has waited longest without a request makes room.

In: connections that come, bring something, and go. Out: which one has to go when there are too
many, in all or of one source. So whoever only holds connections open shuts nobody out. Ends nothing
itself.
"""

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

Guest = TypeVar("Guest", bound=Hashable)


class Room(Generic[Guest]):
    """Those inside, and among them those who wait, longest first.

    `of_one_source` bounds those of one source; None does not count them.
    """

    def __init__(self, most: int, of_one_source: int | None = None) -> None:
        self._most = most
        self._of_one_source = of_one_source
        self._inside: dict[Guest, bytes] = {}
        self._waiting: dict[Guest, None] = {}
        self._by_source: dict[bytes, dict[Guest, None]] = {}

    def __len__(self) -> int:
        return len(self._inside)

    def __contains__(self, guest: Guest) -> bool:
        return guest in self._inside

    def enter(self, guest: Guest, source: bytes = b"") -> Guest | None:
        """Someone comes, and waits; returns who has to go for that, if there is one who waits.

        Of a source that has its share, it is one of its own; else one of the source that has most.
        """
        mates = self._by_source.setdefault(source, {})
        leaving = None
        if self._of_one_source is not None and len(mates) >= self._of_one_source:
            leaving = self._longest(mates)
        elif len(self._inside) >= self._most:
            largest = max(self._by_source.values(), key=len)
            leaving = self._longest(largest)
            if leaving is None:
                leaving = self._longest(self._waiting)
        if leaving is not None:
            self.leave(leaving)
        self._inside[guest] = source
        self._by_source.setdefault(source, {})[guest] = None
        self.wait(guest)
        return leaving

    def has_most(self, source: bytes) -> bool:
        """Whether no source has more inside than this one."""
        most = max(map(len, self._by_source.values()), default=0)
        return len(self._by_source.get(source, ())) >= most

    def wait(self, guest: Guest) -> None:
        """It has brought something, or been answered, and waits from now on."""
        self.answer(guest)
        if guest in self._inside:
            self._waiting[guest] = None
            mates = self._by_source[self._inside[guest]]
            del mates[guest]
            mates[guest] = None

    def answer(self, guest: Guest) -> None:
        """It has brought something whole and does not wait: it is not sent away."""
        self._waiting.pop(guest, None)

    def leave(self, guest: Guest) -> None:
        """It has gone."""
        self.answer(guest)
        source = self._inside.pop(guest, None)
        if source is not None:
            mates = self._by_source[source]
            del mates[guest]
            if not mates:
                del self._by_source[source]

    def _longest(self, guests: Iterable[Guest]) -> Guest | None:
        return next((guest for guest in guests if guest in self._waiting), None)
