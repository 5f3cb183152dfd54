"""Which proxies of this cluster are heard: an open stream is no sign of life.

In: words of supervisors, beats among them, and `now` (loop time in seconds). Out: who has been
silent for too long. One that goes in order is forgotten.
"""

from federation.model.proxies import Node
from federation.planning.liveness import SILENT_SECONDS


class Presence:
    """When each proxy was heard last."""

    def __init__(self) -> None:
        self._last: dict[Node, float] = {}

    def record(self, node: Node, now: float) -> None:
        """It sent something."""
        self._last[node] = now

    def forget(self, node: Node) -> None:
        """It has gone, and nobody misses it."""
        self._last.pop(node, None)

    def is_heard(self, node: Node, now: float) -> bool:
        """Whether it sent something lately."""
        return node in self._last and now - self._last[node] < SILENT_SECONDS

    def silent(self, now: float) -> frozenset[Node]:
        """Those that say nothing any more."""
        return frozenset(node for node in self._last if not self.is_heard(node, now))
