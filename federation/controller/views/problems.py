"""All that is wrong in the sessions, in the order of clusters, bounded. Shown by `fedctl status`.

In: what the controller knows, as values. Out: problems of the controller, of clusters and of
services, so many of each check and place.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from federation.controller.views.cluster_problems import ClusterState, cluster_problems
from federation.controller.views.controller_problems import Own, controller_problems
from federation.controller.views.problem import Problem
from federation.controller.views.service_problems import ServiceState, service_problems

MOST_OF_A_KIND = 20
"""Problems of one check and place that are told one by one; the rest is counted."""
NOTHING_WRONG = Own()


def problems(
    clusters: Iterable[ClusterState],
    services: Iterable[ServiceState] = (),
    own: Own = NOTHING_WRONG,
    now: float = 0.0,
) -> tuple[Problem, ...]:
    """All problems, so many of each check and place; `now` in seconds since 1970."""
    found = list(controller_problems(own, now))
    for state in clusters:
        found.extend(cluster_problems(state, now))
    for service in services:
        found.extend(service_problems(service))
    return tuple(_bounded(found))


def _bounded(found: Iterable[Problem]) -> Iterator[Problem]:
    """Some of each check and place, and how many more there are."""
    counts: dict[tuple[str, str], int] = {}
    for problem in found:
        key = (problem.check, problem.where)
        counts[key] = counts.get(key, 0) + 1
        if counts[key] <= MOST_OF_A_KIND:
            yield problem
    for (check, where), count in counts.items():
        if count > MOST_OF_A_KIND:
            yield Problem(check, where, f"{count - MOST_OF_A_KIND} more of these", "more")


def dated(found: Iterable[Problem], first_seen: Callable[[Problem], float]) -> list[Problem]:
    """Problems of which nobody knows since when are as old as they were found first."""
    return [p if p.since is not None else replace(p, since=first_seen(p)) for p in found]
