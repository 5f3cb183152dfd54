"""What is wrong with one service: no endpoint is ready somewhere, or its exports do not agree.

In: what the controller knows of it, as a value. Out: its problems.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from federation.controller.views.problem import CLUSTERSET, Problem
from federation.model.names import ClusterId, ServiceName


@dataclass(frozen=True, slots=True)
class ServiceState:
    """A service that is not well: ready and all endpoints of each exporter, its conflicts.

    `remarks`: what its exports ask for and the mesh does not do.
    """

    name: ServiceName
    exporters: tuple[tuple[ClusterId, int, int], ...]
    conflicts: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def service_problems(state: ServiceState) -> Iterator[Problem]:
    """All that is wrong with a service."""
    name = str(state.name)
    serving = [cluster for cluster, ready, _ in state.exporters if ready]
    if not serving:
        parts = "; ".join(f"{c}: {_endpoints(total)}" for c, _, total in state.exporters)
        what = f"service {name} has no ready endpoint in any cluster ({parts})"
        yield Problem("service-unavailable", CLUSTERSET, what, name)
    for cluster, ready, total in state.exporters if serving else ():
        if not ready:
            check = "backend-not-ready" if total else "export-without-endpoints"
            what = f"service {name}: {_endpoints(total)}; served by {', '.join(serving)}"
            yield Problem(check, cluster, what, name)
    for conflict in state.conflicts:
        what = f"service {name}: {conflict}"
        yield Problem("export-conflict", CLUSTERSET, what, f"{name} {conflict}")
    for remark in state.remarks:
        what = f"service {name}: {remark}"
        yield Problem("export-limited", CLUSTERSET, what, f"{name} {remark}")


def _endpoints(total: int) -> str:
    return f"none of {total} endpoints is ready" if total else "no endpoints"
