"""Where requests to one port go, and where they go when that fails.

In: the backends of a service, the clusters behind them, the endpoints of the importer's own
cluster. Out: tiers, best first. Composed by `federation.planning.plan`.
"""

from collections import defaultdict
from collections.abc import Iterable

from federation.model.exports import Backend, Gateway
from federation.model.facts import Cluster, Endpoint
from federation.model.locality import Distance, Locality, distance
from federation.model.names import ClusterId
from federation.model.plans import (
    ALL_REACHABLE,
    Destination,
    Health,
    Importer,
    Reachability,
    Target,
    Tier,
)
from federation.planning.merge import exposing
from federation.planning.rtt_class import unmeasured
from federation.planning.share_cap import bounded

INBOUND_PORT = 15006

_Rank = tuple[Distance, bool]
_Ranked = tuple[_Rank, Destination]


def tiers(
    port: int,
    backends: Iterable[Backend],
    clusters: Iterable[Cluster],
    endpoints: Iterable[Endpoint],
    importer: Importer,
    *,
    reachability: Reachability = ALL_REACHABLE,
) -> tuple[Tier, ...]:
    """The tiers of one port for one importer; `endpoints` are those of the importer's cluster.

    Order: own cluster same zone, other clusters same zone, own cluster same region, other
    clusters same region, other regions. So distance decides first, since crossing a zone costs
    more time and money than crossing a gateway; within one distance the own cluster comes first,
    since it needs no gateway and nothing between clusters can break it. The own cluster lies in
    one region, whether or not somebody named that.

    A remote cluster without ready endpoints is left out while anything else is usable; when
    nothing is, everything known is listed as UNHEALTHY, which Envoy tries rather than nothing.
    Gateways that do not answer ours are DEGRADED: the proxies' own experience may be better.
    """
    known = {cluster.id: cluster for cluster in clusters}
    home = known.get(importer.cluster)
    region = home.region if home else importer.locality.region
    local = _local(port, endpoints, importer, region)
    remote = [
        (backend, known[backend.cluster])
        for backend in exposing(backends, port)
        if backend.cluster != importer.cluster and backend.cluster in known
    ]
    ranked = [_local_rank(destination, importer) for destination in local]
    usable = any(backend.ready and cluster.gateways for backend, cluster in remote) or any(
        _usable(destination) for destination in local
    )
    for backend, cluster in remote:
        if backend.ready or not usable:
            ranked += _remote(backend, cluster, importer, reachability)
    return _grouped(ranked)


def target_of(endpoint: Endpoint, port: int) -> Target | None:
    """How to dial a service port of an endpoint of the own cluster; None when it has not the port.

    Not-ready endpoints stay listed: removing them would put all load on the first one back.
    """
    number = dict(endpoint.targets).get(port)
    if number is None:
        return None
    if endpoint.draining:
        health = Health.DRAINING
    else:
        health = Health.HEALTHY if endpoint.ready else Health.UNHEALTHY
    if endpoint.sidecar:
        return Target(endpoint.address, INBOUND_PORT, health)
    return Target(endpoint.address, number, health, mtls=False)


_PREFERENCE = {
    Health.HEALTHY: 0,
    Health.DEGRADED: 1,
    Health.DRAINING: 2,
    Health.UNHEALTHY: 3,
}


def distinct(targets: Iterable[Target]) -> tuple[Target, ...]:
    """Targets sorted, each address once, the healthiest kept: Envoy drops a repeated address."""
    kept: dict[tuple[str, int], Target] = {}
    for target in sorted(targets, key=lambda t: (_PREFERENCE[t.health], not t.mtls)):
        kept.setdefault((target.address, target.port), target)
    return tuple(kept[key] for key in sorted(kept))


def _local(
    port: int, endpoints: Iterable[Endpoint], importer: Importer, region: str
) -> list[Destination]:
    zones: dict[str, list[Target]] = defaultdict(list)
    for endpoint in endpoints:
        target = target_of(endpoint, port)
        if target:
            zones[endpoint.zone].append(target)
    return [
        _destination(importer.cluster, Locality(region, zone), distinct(zones[zone]))
        for zone in sorted(zones)
    ]


def _destination(
    cluster: ClusterId, locality: Locality, targets: tuple[Target, ...]
) -> Destination:
    ready = sum(target.health is Health.HEALTHY for target in targets)
    return Destination(cluster, locality, max(1, ready), targets)


def _local_rank(destination: Destination, importer: Importer) -> _Ranked:
    zone = importer.locality.zone
    same_zone = bool(zone) and destination.locality.zone == zone
    away = Distance.SAME_ZONE if same_zone else Distance.SAME_REGION
    return (away, False), destination


def _usable(destination: Destination) -> bool:
    return any(target.health is Health.HEALTHY for target in destination.targets)


def is_reachable(cluster: Cluster, reachability: Reachability) -> bool:
    """Whether any gateway of the cluster answers ours; one nobody has seen yet counts as so."""
    return any((cluster.id, g.name) not in reachability.unreachable for g in cluster.gateways)


def _remote(
    backend: Backend, cluster: Cluster, importer: Importer, reachability: Reachability
) -> list[_Ranked]:
    """One destination per gateway zone; the ready endpoints are split as the gateways are.

    Each gateway reaches all endpoints of its cluster, so each gets the same share.
    """
    default_zone = cluster.zones[0] if cluster.zones else ""
    zones: dict[str, list[Gateway]] = defaultdict(list)
    for gateway in cluster.gateways:
        zones[gateway.zone or default_zone].append(gateway)
    rtt = dict(reachability.rtt).get(cluster.id)
    found = []
    before = 0
    for zone in sorted(zones):
        after = before + len(zones[zone])
        total = len(cluster.gateways)
        share = backend.ready * after // total - backend.ready * before // total
        before = after
        locality = Locality(cluster.region, zone)
        away = distance(importer.locality, locality)
        targets = distinct(
            Target(
                g.address, g.port, _health(backend, g, reachability), terminated=backend.terminated
            )
            for g in zones[zone]
        )
        assumed = unmeasured(same_region=away is not Distance.OTHER_REGION)
        destination = Destination(
            cluster.id, locality, max(1, share), targets, assumed if rtt is None else rtt
        )
        found.append(((away, True), destination))
    return found


def _health(backend: Backend, gateway: Gateway, reachability: Reachability) -> Health:
    if not backend.ready:
        return Health.UNHEALTHY
    unseen = (backend.cluster, gateway.name) in reachability.unreachable
    return Health.DEGRADED if unseen else Health.HEALTHY


def _grouped(ranked: Iterable[_Ranked]) -> tuple[Tier, ...]:
    groups: dict[_Rank, list[Destination]] = defaultdict(list)
    for rank, destination in ranked:
        groups[rank].append(destination)
    return tuple(
        Tier(bounded(sorted(groups[rank], key=lambda d: (d.cluster, d.locality))))
        for rank in sorted(groups)
    )
