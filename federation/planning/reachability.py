"""The stage that says how far others are, and which of their gateways do not answer ours.

In: tiers, and what the importer's gateways measured. Out: the same destinations in the same order,
with round-trip times in classes (`federation.planning.rtt_class`), and targets that are DEGRADED
since none of ours reaches them: proxies use them last, as their own experience may be better.
"""

from collections.abc import Iterator
from dataclasses import replace

from federation.model.facts import Cluster
from federation.model.locality import Distance, distance
from federation.model.plans import (
    Destination,
    Health,
    Importer,
    Part,
    Plan,
    PortPlan,
    Reachability,
    Reason,
    Subject,
    Target,
    Tier,
)
from federation.planning.rtt_class import NEAR, unmeasured
from federation.planning.stage import Known, Retiered, Staged, each_part

_NAME = "reachability"


def is_reachable(cluster: Cluster, reachability: Reachability) -> bool:
    """Whether any gateway of the cluster answers ours; one nobody has seen yet counts as so."""
    return any((cluster.id, g.name) not in reachability.unreachable for g in cluster.gateways)


def stage(known: Known, plan: Plan) -> Staged:
    """Every destination outside the importer's cluster by what its gateways measured."""
    times = dict(known.reachability.rtt)
    unanswered = _unanswered(known)

    def change(port: PortPlan, part: Part) -> Retiered:
        reasons: list[Reason] = []

        def measured(destination: Destination) -> Destination:
            id, targets = destination.cluster, destination.targets
            if id == known.importer.cluster:
                return destination
            rtt = times[id] if id in times else _assumed(known.importer, destination)
            if rtt != NEAR:
                why = f"a round trip takes up to {rtt:g} s"
                why += "" if id in times else ", assumed since nobody measured"
                reasons.append(Reason(_NAME, Subject(port.port.number, part.name, id), "far", why))
            if unanswered:
                targets = tuple(
                    _degraded(t, (id, t.address, t.port) in unanswered) for t in targets
                )
                reasons.extend(_used_last(Subject(port.port.number, part.name, id), targets))
            if rtt == destination.rtt and targets == destination.targets:
                return destination
            return replace(destination, targets=targets, rtt=rtt)

        tiers = tuple(Tier(tuple(map(measured, tier.destinations))) for tier in part.tiers)
        return tiers, reasons

    return each_part(plan, change)


def _assumed(importer: Importer, destination: Destination) -> float:
    away = distance(importer.locality, destination.locality)
    return unmeasured(same_region=away is not Distance.OTHER_REGION)


def _used_last(subject: Subject, targets: tuple[Target, ...]) -> Iterator[Reason]:
    count = sum(t.health is Health.DEGRADED for t in targets)
    if count:
        what = f"used last by {count} of {len(targets)} gateways"
        yield Reason(_NAME, subject, what, "they do not answer ours")


def _unanswered(known: Known) -> set[tuple[str, str, int]]:
    """Cluster, address and port of what ours do not reach: several gateways may have one."""
    if not known.reachability.unreachable:
        return set()
    silent: set[tuple[str, str, int]] = set()
    answering: set[tuple[str, str, int]] = set()
    for cluster in known.facts.clusters:
        for gateway in cluster.gateways:
            is_silent = (cluster.id, gateway.name) in known.reachability.unreachable
            place = (cluster.id, gateway.address, gateway.port)
            (silent if is_silent else answering).add(place)
    return silent - answering


def _degraded(target: Target, is_unanswered: bool) -> Target:
    if is_unanswered and target.health is Health.HEALTHY:
        return replace(target, health=Health.DEGRADED)
    return target
