"""What clusters say of what they see: of each other's gateways, of their own proxies and agents.

In: Observations as they were reported, the last of each cluster. Out: answers for verdicts and
problems, which are for people only.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from federation.model.checks import Finding
from federation.model.names import ClusterId
from federation.model.observations import Observation, ProxyNack, Remote
from federation.wire.codec.clusters import MAX_GATEWAYS


class Observations:
    """The last observation of each cluster."""

    def __init__(self) -> None:
        self._observations: dict[ClusterId, Observation] = {}

    def take(self, cluster: ClusterId, seen: Observation | None) -> None:
        """Take what a cluster has reported, or that it reports nothing any more."""
        self._observations.pop(cluster, None)
        if seen is not None:
            self._observations[cluster] = _few(seen)

    def findings(self, cluster: ClusterId) -> tuple[Finding, ...]:
        """What its agent has found wrong in the cluster."""
        found = self._observations.get(cluster)
        return found.findings if found is not None else ()

    def rejected(self, cluster: ClusterId) -> tuple[ProxyNack, ...]:
        """What its proxies do not take of what they are sent."""
        found = self._observations.get(cluster)
        return found.rejected if found is not None else ()

    def believes(self, cluster: ClusterId) -> Mapping[str, str]:
        """Which version of each trust domain's bundle all its connected proxies have taken."""
        found = self._observations.get(cluster)
        return dict(found.believed) if found is not None else {}

    def seen_from(self, cluster: ClusterId) -> tuple[tuple[ClusterId, Remote], ...]:
        """How others see a cluster's gateways: (who sees, what), sorted."""
        return tuple(
            (other, remote)
            for other, observation in sorted(self._observations.items())
            for remote in observation.remotes
            if remote.cluster == cluster and other != cluster
        )


def _few(observation: Observation) -> Observation:
    """No more gateways of any cluster than it can have."""
    counts: Counter[ClusterId] = Counter()
    kept = []
    for remote in observation.remotes:
        counts[remote.cluster] += 1
        if counts[remote.cluster] <= MAX_GATEWAYS:
            kept.append(remote)
    return replace(observation, remotes=tuple(kept))
