"""Where requests to one port go, and where they go when that fails.

In: the backends of a service, the clusters behind them, the endpoints of the importer's own
cluster. Out: tiers, best first. The second stage of `federation.planning.plan`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from federation.model.exports import Backend, Gateway
from federation.model.facts import Cluster, Endpoint
from federation.model.locality import Distance, Locality, distance
from federation.model.names import ClusterId
from federation.model.plans import (
    WHOLE,
    Destination,
    Health,
    Importer,
    Part,
    Plan,
    PortPlan,
    Reason,
    Subject,
    Target,
    Tier,
)
from federation.planning.merge import exposing
from federation.planning.stage import Known, Retiered, Staged, each_part

_NAME = "tiers"
INBOUND_PORT = 15006

_Rank = tuple[Distance, bool]
_Ranked = tuple[_Rank, Destination]


def local_endpoints(known: Known) -> tuple[Endpoint, ...]:
    """Endpoints of the importer's cluster, which count only while it exports the service.

    A request reaches endpoints of exporting clusters (KEP-1645).
    """
    exported = known.importer.cluster in known.facts.service.exporters
    return known.local.endpoints if known.local and exported else ()


def stage(known: Known, plan: Plan) -> Staged:
    """The tiers of every port that has none yet."""
    service = known.facts.service
    backends = tuple(b for b in known.facts.backends if b.cluster in service.exporters)
    endpoints = local_endpoints(known)

    def change(port: PortPlan, _: Part) -> Retiered:
        number = port.port.number
        able = tuple(b for b in backends if service.serves(b.cluster, number))
        there = endpoints if service.serves(known.importer.cluster, number) else ()
        found = tiers(number, able, known.facts.clusters, there, known.importer)
        return found, _reasons(known, number, found)

    return each_part(plan, change)


def tiers(
    port: int,
    backends: Iterable[Backend],
    clusters: Iterable[Cluster],
    endpoints: Iterable[Endpoint],
    importer: Importer,
) -> tuple[Tier, ...]:
    """The tiers of one port for one importer; `endpoints` are those of the importer's cluster.

    Order: own cluster same zone, other clusters same zone, own cluster same region, other
    clusters same region, other regions. So distance decides first, since crossing a zone costs
    more time and money than crossing a gateway; within one distance the own cluster comes first,
    since it needs no gateway and nothing between clusters can break it. The own cluster lies in
    one region, whether or not somebody named that.

    A remote cluster without ready endpoints is left out while anything else is usable; when
    nothing is, everything known is listed as UNHEALTHY, which Envoy tries rather than nothing.
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
            ranked += _remote(backend, cluster, importer)
    return _grouped(ranked)


def _reasons(known: Known, port: int, found: tuple[Tier, ...]) -> Iterator[Reason]:
    """Why clusters are not in the tiers of a port, or not with all that they have."""
    last: Counter[tuple[ClusterId, Health]] = Counter()
    there = set()
    for tier in found:
        for destination in tier.destinations:
            there.add(destination.cluster)
            for target in destination.targets:
                if target.health is not Health.HEALTHY:
                    last[destination.cluster, target.health] += 1
    here = known.importer.cluster
    for id in sorted({here, *(b.cluster for b in known.facts.backends)} - there):
        why = _why_not(known, port, id)
        if why:
            yield Reason(_NAME, Subject(port, WHOLE, id), "left out", why)
    for (id, health), count in sorted(last.items()):
        kind = "endpoints" if id == here else "gateways"
        what = f"used last by {count} of its {kind}"
        yield Reason(_NAME, Subject(port, WHOLE, id), what, _LAST[health])


_LAST = {
    Health.DRAINING: "they are leaving",
    Health.UNHEALTHY: "they are not ready, or nothing behind them is",
}


def _why_not(known: Known, port: int, id: ClusterId) -> str:
    """Why a cluster has no destination; empty when nobody would expect one."""
    service, is_home = known.facts.service, id == known.importer.cluster
    if is_home and not (known.local and known.local.endpoints):
        return ""
    if id not in service.exporters:
        return "it does not export the service"
    if not service.serves(id, port):
        return "it states another protocol for the port than the oldest export"
    backend = next((b for b in known.facts.backends if b.cluster == id), None)
    if is_home or backend is None or not list(exposing((backend,), port)):
        return "it does not have the port"
    if not (id in known.clusters and known.clusters[id].gateways):
        return "it has no gateway"
    return "nothing there is ready"


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


def _remote(backend: Backend, cluster: Cluster, importer: Importer) -> list[_Ranked]:
    """One destination per gateway zone; the ready endpoints are split as the gateways are.

    Each gateway reaches all endpoints of its cluster, so each gets the same share.
    """
    default_zone = cluster.zones[0] if cluster.zones else ""
    zones: dict[str, list[Gateway]] = defaultdict(list)
    for gateway in cluster.gateways:
        zones[gateway.zone or default_zone].append(gateway)
    health = Health.HEALTHY if backend.ready else Health.UNHEALTHY
    found = []
    before = 0
    for zone in sorted(zones):
        after = before + len(zones[zone])
        total = len(cluster.gateways)
        share = backend.ready * after // total - backend.ready * before // total
        before = after
        locality = Locality(cluster.region, zone)
        targets = distinct(
            Target(g.address, g.port, health, terminated=backend.terminated) for g in zones[zone]
        )
        destination = Destination(cluster.id, locality, max(1, share), targets)
        found.append(((distance(importer.locality, locality), True), destination))
    return found


def _grouped(ranked: Iterable[_Ranked]) -> tuple[Tier, ...]:
    groups: dict[_Rank, list[Destination]] = defaultdict(list)
    for rank, destination in ranked:
        groups[rank].append(destination)
    return tuple(
        Tier(tuple(sorted(groups[rank], key=lambda d: (d.cluster, d.locality))))
        for rank in sorted(groups)
    )
