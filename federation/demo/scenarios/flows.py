"""The requests that run beside every fault of the failover table."""

from federation.demo.layout import Layout, Site
from federation.demo.scenarios.steps import Flow

RARE = 10.0
"""Requests a second of flows that only have to notice."""
_POST_RATE = 50.0
_TCP_RATE = 20.0


def all_flows(
    layout: Layout, rate: float, service: str, *, post: bool = True, without: Site | None = None
) -> tuple[Flow, ...]:
    """All protocols, with a sidecar and without one; no client in the cluster `without`.

    `rate` is of GET and gRPC, in requests a second. `post`: also what may not be repeated.
    """
    flows = [
        Flow("GET", service, rate=rate),
        Flow("gRPC", service, "grpc", rate=rate),
        Flow("no sidecar", service, rate=rate / 4, sidecar=False),
        Flow("no sidecar gRPC", service, "grpc", rate=_POST_RATE / 2, sidecar=False),
    ]
    flows += [
        Flow(f"no sidecar {site.id}", service, rate=RARE, sidecar=False, elsewhere=site.id)
        for site in layout.sites[1:]
        if site is not without
    ]
    if post:
        flows += [
            Flow("POST", service, method="POST", rate=_POST_RATE),
            Flow("TCP", service, "tcp", rate=_TCP_RATE),
            Flow("no sidecar TCP", service, "tcp", rate=RARE, sidecar=False),
        ]
    return tuple(flows)
