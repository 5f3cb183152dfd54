"""What a cluster sees of the others and of itself, as the controller is told."""

from dataclasses import dataclass

from federation.model.checks import Finding
from federation.model.names import ClusterId


@dataclass(frozen=True, slots=True, order=True)
class Remote:
    """A gateway of another cluster, seen from here.

    `answers`: it passes its checks. `rtt` is the round-trip time in seconds, 0 until measured.
    """

    cluster: ClusterId
    gateway: str
    answers: bool
    rtt: float = 0.0


@dataclass(frozen=True, slots=True, order=True)
class ProxyNack:
    """A resource that a proxy (`gateway NAME`, `sidecar NAMESPACE/POD`) did not take, and why.

    `since` in seconds since 1970, 0 when that is not known.
    """

    proxy: str
    type_url: str
    name: str
    reason: str
    since: int = 0


@dataclass(frozen=True, slots=True)
class Observation:
    """What one cluster sees of the others, sorted; `findings` are of itself, for a person.

    `rejected` is what its own proxies do not take, as much of it as is told. `believed` are trust
    domains with the version of the bundle that all its connected proxies have taken.
    """

    cluster: ClusterId
    remotes: tuple[Remote, ...] = ()
    findings: tuple[Finding, ...] = ()
    rejected: tuple[ProxyNack, ...] = ()
    believed: tuple[tuple[str, str], ...] = ()
