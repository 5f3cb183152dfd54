"""The failover table at a rate of thousands: the rows in which many requests wait at once.

In: the demo's layout, a rate that only a program in C can send. Out: the steps. GET has the rate,
POST a twentieth of it, both open-loop from `federation.verify.paced`; gRPC and a client without a
sidecar run beside them. What differs from `federation.demo.scenarios.failover` is that a second's
requests move together, over new connections.
"""

from collections.abc import Callable
from dataclasses import replace

from federation.demo.layout import Layout, backends_of, members
from federation.demo.scenarios.loss import BACK, LOST, Loss, lost_and_back, once
from federation.demo.scenarios.steps import Flow, Promise, Stage, Step
from federation.envoy.senders import STREAMS_PER_CONNECTION
from federation.verify.faults import Fault, Way
from federation.verify.guarantees import Place

_LOST = Promise(worst=2.0, shifted=2.0)
_STAYS = Promise(worst=1.5, most_left=0.01)
_STAYS_HERE = replace(_STAYS, most_left=0.05)
"""Who finds a local endpoint frozen goes to the next cluster at once, not to the other endpoint."""
_FEW = replace(_STAYS, most_left=0.1)
"""Clients of few requests have one connection: what it carries is much of theirs."""
_BACK = Promise(worst=1.0)
_POST_SHARE = 0.05
_BESIDE = 25.0
_OPEN = "open connections"
_FROZEN_SECONDS = 6.0


def steps(layout: Layout, rate: float, *, short: bool) -> tuple[Step, ...]:
    """The steps at `rate` GET a second; `short` leaves out the loss of a whole cluster."""
    home, other = layout.sites[0], layout.sites[1]
    seconds = 3.0 if short else 10.0
    locals_ = tuple(m.name for m in backends_of(layout, home.id, "api"))
    cluster = tuple(m.name for m in members(layout) if m.cluster == other.id)
    gateway = (f"{other.id}-gateway",)

    def lost(name: str, way: Way, struck: tuple[str, ...], service: str) -> Step:
        site = home if service == "api" else other
        flows = _flows(service, rate)
        loss = Loss(name, Fault(name, way, struck), flows, site, _LOST, _BACK, seconds)
        return _counted(lost_and_back(loss, layout), service)

    def stays(name: str, struck: tuple[str, ...], service: str, promise: Promise) -> Step:
        place = Place(home.id if service == "api" else other.id)
        act = _frozen(Fault(name, Way.FREEZE, struck))
        promises = {LOST: promise, BACK: replace(promise, worst=_BACK.worst)}
        few = {(LOST, flow.name): _FEW for flow in _flows(service, rate) if not flow.paced}
        step = Step(name, _flows(service, rate), place, act, promises, few, check=once)
        return _counted(step, service)

    found = [
        stays("one of two remote workloads frozen", _workload(layout, other.id), "orders", _STAYS),
        stays("one of two local workloads frozen", _workload(layout, home.id), "api", _STAYS_HERE),
        lost("remote gateway frozen", Way.FREEZE, gateway, "orders"),
        lost("remote gateway killed", Way.KILL, gateway, "orders"),
        lost("all local backends killed", Way.KILL, locals_, "api"),
    ]
    if not short:
        found += [lost("whole cluster killed", Way.KILL, cluster, "orders")]
    return tuple(found)


def _flows(service: str, rate: float) -> tuple[Flow, ...]:
    return (
        Flow("GET", service, rate=rate, paced=True),
        Flow("POST", service, method="POST", rate=rate * _POST_SHARE, paced=True),
        Flow("gRPC", service, "grpc", rate=_BESIDE),
        Flow("no sidecar", service, rate=_BESIDE, sidecar=False),
    )


def _workload(layout: Layout, cluster: str) -> tuple[str, ...]:
    """An application with its sidecar."""
    first = next(m for m in backends_of(layout, cluster, "api"))
    return tuple(
        m.name for m in members(layout) if (m.cluster, m.workload) == (cluster, first.workload)
    )


def _frozen(fault: Fault) -> Callable[[Stage], None]:
    def act(stage: Stage) -> None:
        with stage.struck(fault, LOST, BACK):
            stage.wait(_FROZEN_SECONDS)
        stage.wait(_FROZEN_SECONDS / 2)

    return act


def _counted(step: Step, service: str) -> Step:
    """The same, and of POST no more is lost than the open connections carried."""

    def act(stage: Stage) -> None:
        stage.recorded.counts[_OPEN] = stage.open_connections(service)
        step.act(stage)

    def check(stage: Stage) -> None:
        step.check(stage)
        phase = next(p for p in stage.recorded.phases if p.name == LOST)
        lost = sum(r.failed for r in stage.recorded.histories["POST"].within(phase))
        open_ = stage.recorded.counts[_OPEN]
        stage.recorded.facts.append(f"{open_} connections were open, and {lost} POST were lost")
        # One more may have been opened between the count and the fault.
        most = (open_ + 1) * STREAMS_PER_CONNECTION
        if lost > most:
            stage.recorded.broken.append(
                f"{lost} POST were lost on {open_} open connections, promised at most "
                f"{STREAMS_PER_CONNECTION} on each"
            )

    return replace(step, act=act, check=check)
