"""Failover over distance: the cluster that answers is 300 ms away, on a link of 10 Mbit/s.

In: a layout in which the second cluster is far. Out: the steps. The client's cluster does not have
`orders`; the second answers, being of the same region, and the third when that is lost.
"""

from federation.demo.layout import Layout, find_site, moved_away
from federation.demo.scenarios.loss import Loss, lost_and_back
from federation.demo.scenarios.steps import Flow, Promise, Stage, Step
from federation.verify.faults import Fault, Way
from federation.verify.guarantees import Place

FAR_SECONDS = 0.3
UPLOAD_BYTES = 8 << 20

_KILLED = Promise(worst=3.0, shifted=3.0)
_SILENT = Promise(worst=4.0, shifted=4.0)
_BACK = Promise(worst=3.0)
_UPLOAD_TIMEOUT = 60.0
_UPLOAD_RATE = 0.05
_UPLOADING_SECONDS = 30.0


def far_layout(layout: Layout) -> Layout:
    """The same with its second cluster far away."""
    return moved_away(layout, layout.sites[1].id, FAR_SECONDS)


def steps(layout: Layout, rate: float) -> tuple[Step, ...]:
    """The steps for a layout with a far second cluster, at `rate` requests per second and flow."""
    far = find_site(layout, layout.sites[1].id)
    flows = (
        Flow("GET", "orders", rate=rate),
        Flow("gRPC", "orders", "grpc", rate=rate / 2),
        Flow("POST", "orders", method="POST", rate=rate / 4),
        Flow("no sidecar", "orders", rate=rate / 4, sidecar=False),
    )
    link = (f"{far.id}-link",)
    killed = Fault("the link", Way.KILL, link)
    frozen = Fault("the link", Way.FREEZE, link)
    return (
        lost_and_back(Loss("300 ms away: link killed", killed, flows, far, _KILLED, _BACK), layout),
        lost_and_back(Loss("300 ms away: black hole", frozen, flows, far, _SILENT, _BACK), layout),
        _upload(Place(far.id), rate),
    )


def _upload(home: Place, rate: float) -> Step:
    upload = Flow(
        "upload 8 MB",
        "orders",
        method="POST",
        path="/upload",
        rate=_UPLOAD_RATE,
        body_bytes=UPLOAD_BYTES,
        timeout=_UPLOAD_TIMEOUT,
    )

    def act(stage: Stage) -> None:
        stage.begin("uploading")
        stage.wait(_UPLOADING_SECONDS)

    flows = (Flow("GET", "orders", rate=rate / 10), upload)
    return Step("300 ms away: uploads fill the link", flows, home, act)
