"""What clusters say of their proxies, for people alone: nothing is planned by it.

In: KnownProxies as they were reported. Out: the same by cluster and name, and which of them
changed, for whoever shows them as objects. In memory only: an agent tells all of them again when it
connects to a controller that has started anew.
"""

from federation.model.names import ClusterId
from federation.model.proxies import KnownProxy

Key = tuple[ClusterId, str]


class ReportedProxies:
    """Those of all clusters; `to_show` are the keys of those that changed, the oldest first."""

    def __init__(self) -> None:
        self._known: dict[ClusterId, dict[str, KnownProxy]] = {}
        self.to_show: dict[Key, None] = {}

    def take(self, cluster: ClusterId, name: str, proxy: KnownProxy | None) -> None:
        """Take what a cluster has reported, or that it reports it no more."""
        known = self._known.setdefault(cluster, {})
        known.pop(name, None)
        if proxy is not None:
            known[name] = proxy
        if not known:
            del self._known[cluster]
        self.to_show[cluster, name] = None

    def get(self, cluster: ClusterId, name: str) -> KnownProxy | None:
        """A proxy by its name, None when there is none."""
        return self._known.get(cluster, {}).get(name)

    def names(self, cluster: ClusterId) -> list[str]:
        """The names of a cluster's proxies."""
        return list(self._known.get(cluster, ()))
