"""New exports that wait until this cluster's own proxies can answer for them (decision 005).

In: names, `now` in loop time. Out: the names whose waiting is over.
"""

from federation.model.names import ServiceName

PENDING_SECONDS = 0.2
"""How long a new export waits at most until this cluster's proxies have acknowledged it."""
SETTLE_SECONDS = 0.03


class PendingExports:
    """The exports that nobody else has heard of yet."""

    def __init__(self) -> None:
        self._due: dict[ServiceName, float] = {}

    def __bool__(self) -> bool:
        return bool(self._due)

    def add(self, name: ServiceName, now: float) -> None:
        """It is new; one that waits goes on waiting."""
        self._due.setdefault(name, now + PENDING_SECONDS)

    def drop(self, name: ServiceName) -> None:
        """It need not wait any more."""
        self._due.pop(name, None)

    def settle(self, now: float) -> None:
        """Every supervisor has acknowledged all it was sent; its Envoy takes it a moment later."""
        self._due = {name: min(due, now + SETTLE_SECONDS) for name, due in self._due.items()}

    def due(self) -> float | None:
        """When the first is over."""
        return min(self._due.values(), default=None)

    def ripe(self, now: float) -> tuple[ServiceName, ...]:
        """All that wait, once the first is over: they are reported together."""
        if not self._due or now < min(self._due.values()):
            return ()
        names, self._due = tuple(self._due), {}
        return names
