"""Whether a cluster is live, suspect or lost, as the controller sees it.

In: how long its agent was silent, and what other clusters see of its gateways. Out: the verdict of
`federation.planning.liveness`, for people and for headless services.
"""

from federation.controller.facts.hub import Hub
from federation.model.names import ClusterId
from federation.model.observations import Remote
from federation.planning.liveness import Life, verdict_of

Witnesses = tuple[tuple[ClusterId, Remote], ...]


def life_of(hub: Hub, cluster: ClusterId, now: float) -> Life:
    """Whether it is live, suspect or lost."""
    answers = _answers(hub.registry.observations.seen_from(cluster))
    return verdict_of(hub.presence(cluster).silent(now), answers)


def _answers(witnesses: Witnesses) -> list[bool]:
    """For each cluster that looks, whether it reaches any gateway."""
    reached: dict[ClusterId, bool] = {}
    for other, remote in witnesses:
        reached[other] = reached.get(other, False) or remote.answers
    return list(reached.values())
