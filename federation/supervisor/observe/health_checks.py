"""What a gateway's Envoy sees of the addresses it checks, read from its admin interface.

In: the answer to `CHECKED`. Out: the workloads that were lost, and the gateways of
other clusters with whether they answer. That goes up to the agent in the `Proxy` that the
supervisor describes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from federation.model.errors import PeerBroke
from federation.model.names import CLUSTERSET_ZONE, REMOTE, ClusterId, read_remote_name
from federation.model.observations import Remote

_REMOTE_PREFIX = f"{REMOTE}~"
CHECKED = f"/clusters?format=json&filter=^({_REMOTE_PREFIX}.*|[^~]*)$"
"""What to ask of a gateway's Envoy: clusters that are checked, few beside those of entry."""
_OWN = f".svc.{CLUSTERSET_ZONE}"
"""How the clusters end that lead to own workloads, and no others (`inner_name`)."""
UNSEEN_SECONDS = 5.0
"""A gateway that starts gives those it never reached so long before it says that they fail."""


@dataclass(frozen=True, slots=True)
class Checked:
    """Addresses (IP literals) that fail their check, and those that pass it.

    `remotes`: for the gateways (cluster, name) of other clusters, whether they pass theirs.
    """

    failing: frozenset[str]
    passing: frozenset[str]
    remotes: Mapping[tuple[ClusterId, str], bool] = field(default_factory=dict)


class Lost:
    """Addresses that passed their check once and now fail it.

    One that never passed was not lost: its sidecar may not have its certificate yet.
    """

    def __init__(self) -> None:
        self._passed: frozenset[str] = frozenset()

    def look(self, seen: Checked) -> tuple[str, ...]:
        """Take what is seen now; returns the lost addresses, sorted."""
        self._passed = (self._passed | seen.passing) & (seen.passing | seen.failing)
        return tuple(sorted(self._passed & seen.failing))


class Answering:
    """Which gateways of other clusters answer; one that never did has `UNSEEN_SECONDS` to."""

    def __init__(self) -> None:
        self._since: dict[tuple[ClusterId, str], float] = {}
        self._passed: set[tuple[ClusterId, str]] = set()

    def look(
        self, seen: Checked, rtt: Mapping[tuple[ClusterId, str], float], now: float
    ) -> tuple[Remote, ...]:
        """Take what is seen now, with measured round-trip times in seconds."""
        self._since = {key: self._since.get(key, now) for key in seen.remotes}
        self._passed = {k for k, passes in seen.remotes.items() if passes or k in self._passed}
        return tuple(
            Remote(
                *key,
                passes or (key not in self._passed and now - self._since[key] < UNSEEN_SECONDS),
                rtt.get(key, 0.0),
            )
            for key, passes in sorted(seen.remotes.items())
        )


class _Socket(msgspec.Struct):
    address: str = ""


class _Address(msgspec.Struct):
    socket_address: _Socket = field(default_factory=_Socket)


class _Health(msgspec.Struct):
    failed_active_health_check: bool = False


class _Host(msgspec.Struct):
    address: _Address
    health_status: _Health


class _Cluster(msgspec.Struct):
    name: str
    host_statuses: list[_Host] = []


class _Answer(msgspec.Struct):
    cluster_statuses: list[_Cluster] = []


_DECODER = msgspec.json.Decoder(_Answer)


def read_checks(answer: bytes) -> Checked:
    """What the active checks of a gateway's clusters say; raises PeerBroke.

    An address behind several services counts as failing only where all its checks fail.
    """
    try:
        clusters = _DECODER.decode(answer).cluster_statuses
    except msgspec.MsgspecError as error:
        raise PeerBroke("envoy's answer to /clusters cannot be read") from error
    passing: dict[str, bool] = {}
    remotes: dict[tuple[ClusterId, str], bool] = {}
    for cluster in clusters:
        for host in cluster.host_statuses:
            passes = not host.health_status.failed_active_health_check
            if cluster.name.startswith(_REMOTE_PREFIX):
                remotes[read_remote_name(cluster.name)] = passes
            elif cluster.name.endswith(_OWN):
                address = host.address.socket_address.address
                passing[address] = passing.get(address, False) or passes
    return Checked(
        frozenset(address for address, passes in passing.items() if not passes),
        frozenset(address for address, passes in passing.items() if passes),
        remotes,
    )
