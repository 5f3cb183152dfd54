"""What the controller is told of the proxies of this cluster, one report for each.

In: what supervisors say, that streams came or went, a turn every second (loop time in seconds).
Out: reports in the table, only so many a turn and each only when it differs from the last: a proxy
that comes and goes between two turns, and a mesh that comes back as a whole, cost little. One that
went is told as not connected and forgotten later. What has no room is counted.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import islice

from federation.model.proxies import LEAVING, KnownProxy, Node, Proxy
from federation.wire import codec
from federation.wire.codec.known_proxies import MAX_BYTES, MAX_PROXIES, MAX_REFUSED
from federation.xds.resources import Resource
from federation.xds.snapshot import Table

CERTIFICATE_SECONDS = 30.0
"""A proxy that has another certificate and nothing else waits: all do that all the time."""
AT_ONCE = 1_000
"""Proxies that are told in one turn."""
SETTLED_SECONDS = 3.0
LONGEST_SECONDS = 60.0
"""An agent that starts says that these are all when none has come for so long, at the latest after
so long: until then the controller keeps what it knew."""
LEFT_SECONDS = 60.0
"""For how long one is told of that went in order."""


class KnownProxies:
    """All of them; `untold` have no room."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._started: float | None = None
        self._last_came = 0.0
        self._has_new = True
        self._said: dict[Node, KnownProxy] = {}
        self._changed: dict[Node, None] = {}
        self._certified: dict[Node, float | None] = {}
        self._gone: dict[Node, float] = {}
        self._sizes: dict[Node, int] = {}
        self._size = 0
        self.untold: set[Node] = set()

    def record(self, proxy: Proxy) -> None:
        """A supervisor describes its proxy."""
        node = Node(proxy.kind, proxy.id)
        before = self._said.get(node)
        said = KnownProxy(
            proxy.kind,
            proxy.id,
            False,
            proxy.state,
            proxy.version,
            proxy.certificate_ends,
            proxy.refused[:MAX_REFUSED],
        )
        self._said[node] = said
        self._has_new = self._has_new or before is None
        is_back = node in self._gone
        if (
            before is None
            or is_back
            or replace(before, certificate_ends=said.certificate_ends) != said
        ):
            self._changed[node] = None
        elif before != said:
            self._certified.setdefault(node, None)

    def note(self, node: Node) -> None:
        """It may be connected now, or not any more."""
        if node in self._said:
            self._changed[node] = None

    def turn(
        self, now: float, is_alive: Callable[[Node], bool], kept_seconds: Callable[[Node], float]
    ) -> tuple[str, ...]:
        """Tell what has changed; returns the names of the reports that are other ones now.

        `kept_seconds`: for how long a proxy that went is told of.
        """
        self._note_time(now)
        changed: list[str] = []
        for node in list(islice(self._changed, AT_ONCE)):
            self._changed.pop(node, None)
            self._certified.pop(node, None)
            if node not in self._said:  # it made room for another one
                continue
            told = replace(self._said[node], connected=is_alive(node))
            if told.connected:
                self._gone.pop(node, None)
            else:
                self._gone.setdefault(node, now)
            changed += self._tell(node, told)
        changed += self._forget_old(now, kept_seconds)
        self._fill()
        return tuple(dict.fromkeys(changed))

    def _note_time(self, now: float) -> None:
        if self._started is None:
            self._started = now
        if self._has_new:
            self._last_came, self._has_new = now, False
        for node, since in self._certified.items():
            if since is None:
                self._certified[node] = now
            elif now - since >= CERTIFICATE_SECONDS:
                self._changed[node] = None

    def _tell(self, node: Node, told: KnownProxy) -> list[str]:
        """Tell of one while there is room; whoever is connected comes before whoever went."""
        changed: list[str] = []
        if node not in self._sizes and len(self._sizes) >= MAX_PROXIES:
            oldest = next((gone for gone in self._gone if gone in self._sizes), None)
            if oldest is not None and told.connected:
                changed += self._forget(oldest)
        for shown in (told, replace(told, refused=())):
            found = codec.resource_of(shown)
            size = self._size - self._sizes.get(node, 0) + len(found.body)
            if size <= MAX_BYTES and (node in self._sizes or len(self._sizes) < MAX_PROXIES):
                self._size, self._sizes[node] = size, len(found.body)
                self.untold.discard(node)
                return [*changed, told.name] if self._put(found) else changed
        if told.connected:
            self.untold.add(node)
            return [*changed, *self._withdraw(node)]
        return [*changed, *self._forget(node)]

    def _put(self, found: Resource) -> bool:
        return self._table.put(codec.KNOWN_PROXY, found)

    def _fill(self) -> None:
        """Those without room take what has become free, or what those have that went."""
        free = MAX_PROXIES - len(self._sizes) + len(self._gone)
        self._changed.update(dict.fromkeys(islice(self.untold, max(0, free))))

    def _forget_old(self, now: float, kept_seconds: Callable[[Node], float]) -> list[str]:
        over = []
        for node, since in self._gone.items():
            left = self._said[node].state in LEAVING
            kept = min(LEFT_SECONDS, kept_seconds(node)) if left else kept_seconds(node)
            if now - since >= kept:
                over.append(node)
        return [name for node in over for name in self._forget(node)]

    def _forget(self, node: Node) -> list[str]:
        for known in (self._gone, self._changed, self._certified):
            known.pop(node, None)
        self.untold.discard(node)
        changed = self._withdraw(node)
        del self._said[node]
        return changed

    def _withdraw(self, node: Node) -> list[str]:
        self._size -= self._sizes.pop(node, 0)
        name = self._said[node].name
        return [name] if self._table.drop(codec.KNOWN_PROXY, name) else []

    def settle(self, now: float) -> bool:
        """Say that these are all, once those of an earlier agent had the time to come back.

        Returns whether that is news.
        """
        has_more = bool(self._changed.keys() - self.untold)
        if self._started is None or has_more or self._table.is_complete(codec.KNOWN_PROXY):
            return False
        is_late = now - self._started >= LONGEST_SECONDS
        if not is_late and now - self._last_came < SETTLED_SECONDS:
            return False
        self._table.mark_complete(codec.KNOWN_PROXY)
        return True
