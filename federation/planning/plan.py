"""The plan of one service for one importer: a list of stages, each of which says what it changed.

In: the facts about a service, the importer's own endpoints of it. Out: a `Plan` that holds every
part, tier, weight and identity, so that proxies fail over without asking anybody, with the reasons
of all stages. A new kind of rule is a module with a `stage` and a place in the list. Next:
`sidecar.outbound`.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from federation.model.facts import LocalService, ServiceFacts
from federation.model.names import ClusterId
from federation.model.plans import ALL_REACHABLE, Division, Importer, Plan, Reachability, Reason
from federation.planning import (
    damping,
    identities,
    ports,
    share_cap,
    split,
    tiers,
)
from federation.planning import (
    reachability as reaching,
)
from federation.planning.stage import Known, Stage

_ALL_TRUSTED: Mapping[ClusterId, int] = MappingProxyType({})

STAGES: tuple[Stage, ...] = (
    ports.stage,
    tiers.stage,
    split.stage,
    reaching.stage,
    share_cap.stage,
    damping.stage,
    identities.stage,
)


def plan_service(
    facts: ServiceFacts,
    local: LocalService | None,
    importer: Importer,
    shares: Mapping[ClusterId, int] = _ALL_TRUSTED,
    reachability: Reachability = ALL_REACHABLE,
    *,
    divisions: tuple[Division, ...] = (),
) -> Plan:
    """Plan every TCP port of a service; what is passed is explained in `stage.Known`."""
    known = Known(facts, local, importer, shares, reachability, divisions)
    plan = Plan(facts.service.name, (), ())
    reasons: list[Reason] = []
    for stage in STAGES:
        plan, why = stage(known, plan)
        reasons += why
    return replace(plan, reasons=tuple(reasons))
