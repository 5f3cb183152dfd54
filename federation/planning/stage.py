"""What a stage of planning is: a pure function from a plan to a plan, with reasons.

In: what is known (`Known`) and the plan so far. Out: the plan with what the stage changed in it,
and a reason for each change. `federation.planning.plan` lists the stages; nothing derives a reason
anew.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from federation.model.facts import Cluster, LocalService, ServiceFacts
from federation.model.names import ClusterId
from federation.model.plans import (
    ALL_REACHABLE,
    Division,
    Importer,
    Part,
    Plan,
    PortPlan,
    Reachability,
    Reason,
    Tier,
)

Staged = tuple[Plan, tuple[Reason, ...]]


@dataclass(frozen=True, slots=True)
class Known:
    """All that a plan is made of.

    `local` is the service in the importer's cluster. `shares` holds clusters that were lost and are
    coming back, with what they may have of their traffic in percent
    (`federation.planning.damping`); `reachability` is what the importer's gateways measured.
    `divisions`: the parts that the service is divided into; none is one part with everything.
    """

    facts: ServiceFacts
    local: LocalService | None
    importer: Importer
    shares: Mapping[ClusterId, int] = field(default_factory=dict)
    reachability: Reachability = ALL_REACHABLE
    divisions: tuple[Division, ...] = ()
    clusters: Mapping[ClusterId, Cluster] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "clusters", {c.id: c for c in self.facts.clusters})


Stage = Callable[[Known, Plan], Staged]

Retiered = tuple[tuple[Tier, ...], Iterable[Reason]]


def each_part(plan: Plan, change: Callable[[PortPlan, Part], Retiered]) -> Staged:
    """The plan with other tiers in each part of each port."""
    reasons: list[Reason] = []
    ports = []
    for port in plan.ports:
        parts = []
        for part in port.parts:
            tiers, why = change(port, part)
            reasons += why
            parts.append(part if tiers is part.tiers else Part(part.name, part.weight, tiers))
        ports.append(replace(port, parts=tuple(parts)))
    return replace(plan, ports=tuple(ports)), tuple(reasons)
