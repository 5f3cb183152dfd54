"""How this cluster sees the others: which of their gateways answer ours, and how far they are.

In: what our gateways report. Out: `Reachability` for planning, an `Observation` for the controller.
Rounded times are kept on disk, so that an agent that restarts does not plan anew twice.
"""

import json
from dataclasses import replace
from pathlib import Path

from federation.model.names import ClusterId
from federation.model.observations import Observation, Remote
from federation.model.plans import ALL_REACHABLE, Reachability
from federation.model.proxies import LEAVING, Proxy
from federation.planning.rtt_class import rounded
from federation.runtime.disk import Disk, File
from federation.runtime.files import read_if_there


class RemoteGateways:
    """What our gateways see of the gateways of other clusters."""

    def __init__(self, file: Path, disk: Disk) -> None:
        self._file = file
        self._disk = disk
        self._latest: dict[str, tuple[Remote, ...]] = {}
        self.reachability = ALL_REACHABLE

    def load(self) -> None:
        """Take back the times an earlier agent knew; a damaged file counts as not there."""
        try:
            found = json.loads(read_if_there(self._file) or b"{}")
            rtt = {ClusterId(str(c)): float(seconds) for c, seconds in found.items()}
        except (ValueError, TypeError, AttributeError):
            rtt = {}
        self.reachability = Reachability(rtt=tuple(sorted(rtt.items())))

    def record(self, gateway: Proxy) -> frozenset[ClusterId]:
        """A gateway reports what it sees; returns the clusters that are seen otherwise now.

        The silence of a gateway changes nothing, but one that goes has no say.
        """
        if gateway.state in LEAVING:
            return self.forget(gateway.id)
        if gateway.remotes == self._latest.get(gateway.id, ()):
            return frozenset()
        self._latest[gateway.id] = gateway.remotes
        return self._refresh()

    def forget(self, gateway: str) -> frozenset[ClusterId]:
        """A gateway is not of this cluster any more."""
        return self._refresh() if self._latest.pop(gateway, ()) else frozenset()

    def _refresh(self) -> frozenset[ClusterId]:
        before = self.reachability
        self.reachability = Reachability(self._unreachable(), self._rtt())
        changed = {cluster for cluster, _ in before.unreachable ^ self.reachability.unreachable}
        if before.rtt != self.reachability.rtt:
            changed |= {cluster for cluster, _ in set(before.rtt) ^ set(self.reachability.rtt)}
            self._disk.keep(File(self._file, json.dumps(dict(self.reachability.rtt)).encode()))
        return frozenset(changed)

    def _unreachable(self) -> frozenset[tuple[ClusterId, str]]:
        """What any of our gateways does not reach; one that reaches nothing is itself cut off."""
        return frozenset(
            (remote.cluster, remote.gateway)
            for remotes in self._latest.values()
            if any(remote.answers for remote in remotes)
            for remote in remotes
            if not remote.answers
        )

    def _rtt(self) -> tuple[tuple[ClusterId, float], ...]:
        """The shortest way to each cluster, rounded; what is not measured now stays as it was."""
        shortest: dict[ClusterId, float] = {}
        for remotes in self._latest.values():
            for remote in remotes:
                if remote.rtt:
                    known = shortest.get(remote.cluster, remote.rtt)
                    shortest[remote.cluster] = min(known, remote.rtt)
        before = dict(self.reachability.rtt)
        after = before | {c: rounded(rtt, before.get(c)) for c, rtt in shortest.items()}
        return tuple(sorted(after.items()))

    def observation(self, here: ClusterId) -> Observation:
        """The same for the controller: what any of our gateways reaches, and the shortest time.

        How our own gateways see each other concerns nobody else.
        """
        seen: dict[tuple[ClusterId, str], Remote] = {}
        for remotes in self._latest.values():
            for remote in (r for r in remotes if r.cluster != here):
                key = (remote.cluster, remote.gateway)
                seen[key] = _joined(seen[key], remote) if key in seen else remote
        return Observation(here, tuple(seen[key] for key in sorted(seen)))


def _joined(one: Remote, other: Remote) -> Remote:
    measured = [remote.rtt for remote in (one, other) if remote.rtt]
    return replace(one, answers=one.answers or other.answers, rtt=min(measured, default=0.0))
