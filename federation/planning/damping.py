"""How something that was lost and is back is trusted again: held first, then slowly.

In: whether a cluster's backends of one service are usable, and the time. Out: the share of its
traffic it may have now, in percent. Without this a backend that flaps takes all traffic with it
each time, and the first one back of many gets the load of all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from federation.model.names import ClusterId
from federation.model.plans import Destination, Part, Plan, PortPlan, Reason, Subject, Tier
from federation.planning.stage import Known, Retiered, Staged, each_part

_NAME = "damping"

FIRST_SHARE = 10
STEPS = 10
FULL = 100
_SCALE = 10_000


@dataclass(frozen=True, slots=True)
class Damping:
    """How long what is back is held, and in what time it then gets all its traffic; seconds."""

    hold: float = 10.0
    ramp: float = 30.0


DAMPING = Damping()


@dataclass(frozen=True, slots=True)
class Usability:
    """What is known of one cluster behind one service.

    `was_usable`: ever; `back_since`: when it became usable again, None while it never was lost.
    """

    usable: bool
    was_usable: bool = False
    back_since: float | None = None


def observe(before: Usability | None, usable: bool, now: float) -> Usability:
    """Take a new observation. The first time something is usable it is trusted at once."""
    if before is None:
        return Usability(usable, usable)
    if not usable:
        return replace(before, usable=False, back_since=None)
    if before.usable:
        return before
    return Usability(True, True, now if before.was_usable else None)


def share(usability: Usability, now: float, damping: Damping = DAMPING) -> int:
    """The share in percent: 0 while held or lost, then 10 to 100 in steps, then 100."""
    if not usability.usable:
        return 0
    if usability.back_since is None:
        return FULL
    ramped = now - usability.back_since - damping.hold
    if ramped < 0:
        return 0
    if ramped >= damping.ramp:
        return FULL
    return FIRST_SHARE + (FULL - FIRST_SHARE) * int(STEPS * ramped / damping.ramp) // STEPS


def next_change(usability: Usability, now: float, damping: Damping = DAMPING) -> float | None:
    """When `share` changes next by time alone; None when it does not."""
    if (
        not usability.usable
        or usability.back_since is None
        or share(usability, now, damping) == FULL
    ):
        return None
    begin = usability.back_since + damping.hold
    if now < begin:
        return begin
    step = damping.ramp / STEPS
    return begin + (int((now - begin) / step) + 1) * step


def stage(known: Known, plan: Plan) -> Staged:
    """Tiers in which those who are coming back are held or ramped."""
    shares = known.shares
    if not shares:
        return plan, ()

    def change(port: PortPlan, part: Part) -> Retiered:
        returning = {d.cluster for t in part.tiers for d in t.destinations} & shares.keys()
        reasons = [
            Reason(_NAME, Subject(port.port.number, part.name, cluster), *_said(shares[cluster]))
            for cluster in sorted(returning)
            if shares[cluster] < FULL
        ]
        return damped(part.tiers, shares), reasons

    return each_part(plan, change)


def _said(allowed: int) -> tuple[str, str]:
    if allowed <= 0:
        return "used last", "it was lost and is back, and is held at first"
    return f"gets {allowed} % of its traffic", "it was lost and is back, and gets more step by step"


def damped(tiers: tuple[Tier, ...], shares: Mapping[ClusterId, int]) -> tuple[Tier, ...]:
    """The tiers with returning clusters held or ramped; clusters not in `shares` are trusted.

    A held cluster comes last, after everything else, but stays. A ramped one shares its tier with
    those of the tier that are trusted, or else with the next tier that is: it gets its share, they
    the rest. When nothing else is there, it gets everything.
    """
    waiting = [tier.destinations for tier in tiers]
    found: list[Tier] = []
    held: list[Destination] = []
    while waiting:
        trusted, ramped, kept_back = _split(waiting.pop(0), shares)
        held += kept_back
        entitled = sum(d.weight for d in (*trusted, *ramped))
        while ramped and not trusted and waiting:
            trusted, more, kept_back = _split(waiting.pop(0), shares)
            ramped += more
            held += kept_back
        together = _weighted(trusted, ramped, entitled, shares)
        if together:
            found.append(Tier(together))
    return (*found, Tier(tuple(held))) if held else tuple(found)


def _split(
    destinations: tuple[Destination, ...], shares: Mapping[ClusterId, int]
) -> tuple[list[Destination], list[Destination], list[Destination]]:
    """Trusted, ramped and held ones."""
    trusted, ramped, held = [], [], []
    for destination in destinations:
        allowed = shares.get(destination.cluster, FULL)
        if allowed >= FULL:
            trusted.append(destination)
        elif allowed > 0:
            ramped.append(destination)
        else:
            held.append(destination)
    return trusted, ramped, held


def _weighted(
    trusted: list[Destination],
    ramped: list[Destination],
    entitled: int,
    shares: Mapping[ClusterId, int],
) -> tuple[Destination, ...]:
    """One tier of both: the ramped have their shares of what they are entitled to, others the rest.

    `entitled` is the weight of the tier as it would be if all were trusted.
    """
    if not trusted or not ramped:
        return tuple(trusted or ramped)
    parts = {d: min(1.0, d.weight / entitled) * shares[d.cluster] / FULL for d in ramped}
    rest = max(0.0, 1.0 - sum(parts.values()))
    sum_trusted = sum(d.weight for d in trusted)
    parts |= {d: d.weight / sum_trusted * rest for d in trusted}
    everyone = sorted(parts, key=lambda d: (d.cluster, d.locality))
    return tuple(replace(d, weight=max(1, round(_SCALE * parts[d]))) for d in everyone)
