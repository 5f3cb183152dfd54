"""What the proxies of this cluster do not take of what they are sent, for people.

In: what each proxy says of itself. Out: what is new, for the log; all of it, for the controller.
What a proxy said goes with it: it says it again when it is back.
"""

from federation.model.observations import ProxyNack
from federation.model.proxies import Kind, Proxy
from federation.model.since import FirstSeen

MOST_NEWS = 10
"""Of one word of a proxy; a log is not filled by one that refuses everything."""


class Nacks:
    """What is refused now, by proxy."""

    def __init__(self) -> None:
        self._latest: dict[tuple[Kind, str], frozenset[ProxyNack]] = {}
        self._first = FirstSeen()

    def record(self, proxy: Proxy, now: float) -> tuple[ProxyNack, ...]:
        """Take what a proxy says; returns what is new of it. `now` in seconds since 1970."""
        key = (proxy.kind, proxy.id)
        before = self._latest.pop(key, frozenset())
        keys = [(key, r.type_url, r.name) for r in proxy.refused]
        since = self._first.see(keys, now)
        after = frozenset(
            ProxyNack(
                f"{proxy.kind} {proxy.id}", r.type_url, r.name, r.reason,
                int(since[key, r.type_url, r.name]),
            )
            for r in proxy.refused
        )  # fmt: skip
        if after:
            self._latest[key] = after
        return tuple(sorted(after - before)[:MOST_NEWS])

    def forget(self, kind: Kind, proxy_id: str) -> None:
        """A proxy has gone."""
        self._latest.pop((kind, proxy_id), None)

    def all(self) -> tuple[ProxyNack, ...]:
        """All of it, sorted."""
        return tuple(sorted(r for latest in self._latest.values() for r in latest))
