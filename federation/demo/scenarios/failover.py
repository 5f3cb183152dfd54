"""The failover table: whatever may die does, under load, and no request pays for it.

In: the demo's layout. Out: the steps, in an order in which each leaves the mesh as it was. The
client is in the first cluster; `api` is there as well, `orders` only in the others.
"""

from collections.abc import Mapping
from dataclasses import replace

from federation.demo.layout import Layout, Role, Site, backends_of, members
from federation.demo.scenarios.flows import RARE, all_flows
from federation.demo.scenarios.loss import BACK, LOST, PATIENCE_SECONDS, Loss, lost_and_back, once
from federation.demo.scenarios.steps import NO_CHANGE, NO_FAILURE, Flow, Promise, Stage, Step
from federation.model.errors import InvalidInput
from federation.verify.faults import Fault, Way
from federation.verify.guarantees import Place
from federation.verify.movement import majority_changes, returned_majority

LEAST_CLUSTERS = 3

_KILLED = Promise(worst=0.3, shifted=0.5)
_HUNG = Promise(worst=1.0, shifted=1.0)
_TCP_LOST = Promise(worst=2.5, shifted=2.5)
_STAYS = Promise(worst=1.0, most_left=0.05)
_BACK = Promise(worst=0.3)
_KILLED_SOME = Promise(worst=0.3)
_EJECTED_SECONDS = 12.0
_ALONE_SECONDS = 1.0
_FLAPS = 30
_FLAP_SECONDS = 1.0
_MOST_CHANGES = 4
_BACK_WITHIN_SECONDS = 30.0

_TCP_FLOWS = ("TCP", "no sidecar TCP")


def steps(layout: Layout, rate: float, *, short: bool) -> tuple[Step, ...]:
    """The steps at `rate` requests per second and flow; `short` leaves out what takes long.

    Raises InvalidInput when there are fewer than three clusters.
    """
    check_clusters(layout)
    table = _Table(layout, rate, 3.0 if short else 10.0)
    found = [table.local_backends_killed(), table.applications_killed()]
    found += [table.gateway(Way.KILL), table.gateway(Way.FREEZE), table.one_workload_frozen()]
    if not short:
        found += [table.gateway(Way.HANG), table.gateway(Way.REFUSE)]
        found += [table.cluster(Way.KILL), table.cluster(Way.FREEZE)]
    found += [table.errors_of_an_application()]
    if not short:
        found += [table.control_plane_one_by_one()]
    found += [table.control_plane_at_once(), table.proxy_started_alone()]
    if not short:
        found += [table.flapping()]
    return tuple(found)


def check_clusters(layout: Layout) -> None:
    """Raise InvalidInput when there are too few clusters to move to."""
    if len(layout.sites) < LEAST_CLUSTERS:
        raise InvalidInput(
            f"failover needs a demo of at least {LEAST_CLUSTERS} clusters, this one has "
            f"{len(layout.sites)}"
        )


class _Table:
    """Makes the steps for one layout; a fault lasts for `seconds`."""

    def __init__(self, layout: Layout, rate: float, seconds: float) -> None:
        self._layout = layout
        self._seconds = seconds
        self._patience = layout.hold + layout.ramp + PATIENCE_SECONDS
        self._home, self._other = layout.sites[0], layout.sites[1]
        self._rate = rate

    def _flows(
        self, service: str, *, post: bool = True, without: Site | None = None
    ) -> tuple[Flow, ...]:
        return all_flows(self._layout, self._rate, service, post=post, without=without)

    def local_backends_killed(self) -> Step:
        """All backends of the client's own cluster: applications, sidecars, Envoys."""
        names = tuple(m.name for m in backends_of(self._layout, self._home.id, "api"))
        fault = Fault("local backends", Way.KILL, names)
        return self._lost("all local backends killed", fault, "api", _KILLED)

    def applications_killed(self) -> Step:
        """The applications alone; their sidecars live and say that they reach nobody."""
        names = tuple(
            m.name for m in backends_of(self._layout, self._home.id, "api") if m.role is Role.APP
        )
        fault = Fault("local applications", Way.KILL, names)
        # A sidecar finds out by the first connection that its application is gone.
        tcp = Promise(failed=len(names), worst=2.5, shifted=2.5)
        return self._lost("applications die behind live sidecars", fault, "api", _KILLED, tcp)

    def gateway(self, way: Way) -> Step:
        """The gateway of the cluster that answers."""
        promise = _KILLED if way is Way.KILL else _HUNG
        words = {Way.KILL: "killed", Way.FREEZE: "frozen", Way.HANG: "hangs", Way.REFUSE: "resets"}
        fault = Fault("remote gateway", way, (f"{self._other.id}-gateway",))
        return self._lost(f"remote gateway {words[way]}", fault, "orders", promise)

    def cluster(self, way: Way) -> Step:
        """Every process of the cluster that answers."""
        names = tuple(m.name for m in members(self._layout) if m.cluster == self._other.id)
        fault = Fault("whole cluster", way, names)
        words = {Way.KILL: "killed", Way.FREEZE: "frozen"}
        return self._lost(f"whole cluster {words[way]}", fault, "orders", _HUNG)

    def _lost(
        self, name: str, fault: Fault, service: str, promise: Promise, tcp: Promise = _TCP_LOST
    ) -> Step:
        site = self._home if service == "api" else self._other
        flows = self._flows(service, without=site)
        loss = Loss(name, fault, flows, site, promise, _BACK, self._seconds)
        step = lost_and_back(loss, self._layout)
        # A connection that was open in a frozen place waits until that runs again.
        return replace(step, exceptions=_of_tcp({LOST: tcp, BACK: NO_FAILURE}))

    def one_workload_frozen(self) -> Step:
        """One of the workloads behind a remote gateway, with its sidecar."""
        workload = self._other.behind("orders")[0].name
        names = tuple(f"{self._other.id}-{workload}-{kind}" for kind in ("sidecar", "app"))
        fault = Fault("one remote workload", Way.FREEZE, names)

        def act(stage: Stage) -> None:
            with stage.struck(fault, LOST, BACK):
                stage.wait(max(self._seconds, 10.0))
            stage.wait(self._seconds)

        promises = {LOST: _STAYS, BACK: Promise(worst=0.3, most_left=0.05)}
        name = "one of n remote workloads frozen"
        home = Place(self._other.id)
        exceptions = _of_tcp({LOST: Promise(worst=2.5), BACK: NO_FAILURE})
        # To a client of that cluster it is one of two local ones, until its gateway notices.
        exceptions[LOST, f"no sidecar {self._other.id}"] = Promise(worst=1.0, most_left=0.1)
        return Step(name, self._flows("orders"), home, act, promises, exceptions, check=once)

    def errors_of_an_application(self) -> Step:
        """Half of the requests get 503, another service always 500: the application's own word."""
        good = Flow("GET", "api", rate=self._rate / 2)
        half = Flow("GET 503", "api", path="/status/503", rate=self._rate / 2, status=503)
        always = Flow("GET 500", "web", path="/status/500", rate=self._rate / 4, status=500)
        bare = replace(half, name="no sidecar 503", rate=self._rate / 8, sidecar=False)
        flows = {"api": (good, half, bare), "web": (always,)}

        def prepare(stage: Stage) -> None:
            stage.recorded.counts = {service: stage.processed(service) for service in flows}

        def act(stage: Stage) -> None:
            stage.begin("errors")
            stage.wait(self._seconds)

        def check(stage: Stage) -> None:
            for service, sent_by in flows.items():
                hits = stage.processed(service) - stage.recorded.counts[service]
                sent = sum(len(stage.recorded.histories[f.name].records) for f in sent_by)
                stage.recorded.facts.append(f"{service}: {sent} requests, {hits} hits")
                if hits != sent:
                    stage.recorded.broken.append(f"{service} had {hits} hits of {sent} requests")

        return Step(
            "an application answers 503 and 500",
            (good, half, bare, always),
            Place(self._home.id),
            act,
            {"errors": NO_CHANGE},
            prepare=prepare,
            check=check,
        )

    def control_plane_one_by_one(self) -> Step:
        """The controller, then the agents, then the supervisors: killed, and started again."""
        parts = (
            ("controller", self._named(Role.CONTROLLER)),
            ("agents", self._named(Role.AGENT)),
            ("supervisors", self._named(Role.GATEWAY, Role.SIDECAR)),
        )

        def act(stage: Stage) -> None:
            for name, names in parts:
                fault = Fault(name, Way.KILL, names, alone=True)
                with stage.struck(fault, f"no {name}", f"{name} back"):
                    stage.wait(self._seconds)
                stage.wait(self._seconds / 2)

        phases = [
            f"{how}{name}{back}" for name, _ in parts for how, back in (("no ", ""), ("", " back"))
        ]
        return Step(
            "controller, agents, supervisors killed one by one",
            self._control_flows(),
            Place(self._home.id),
            act,
            dict.fromkeys(phases, NO_CHANGE),
        )

    def control_plane_at_once(self) -> Step:
        """All of them together, with all proxies left to themselves."""
        names = self._named(Role.CONTROLLER, Role.AGENT, Role.GATEWAY, Role.SIDECAR)
        fault = Fault("control plane", Way.KILL, names, alone=True)

        def act(stage: Stage) -> None:
            with stage.struck(fault, "no control plane", "control plane back"):
                stage.wait(self._seconds)
            stage.wait(self._seconds)

        promises = dict.fromkeys(("no control plane", "control plane back"), NO_CHANGE)
        name = "controller, agents, supervisors killed together"
        return Step(name, self._control_flows(), Place(self._home.id), act, promises)

    def _control_flows(self) -> tuple[Flow, ...]:
        return self._flows("api", post=False)

    def _named(self, *roles: Role) -> tuple[str, ...]:
        return tuple(m.name for m in members(self._layout) if m.role in roles)

    def proxy_started_alone(self) -> Step:
        """A sidecar with its Envoy dies and starts while controller and agent are away."""
        away = Fault(
            "control plane", Way.KILL, ("controller", f"{self._home.id}-agent"), alone=True
        )
        workload = self._home.behind("api")[0].name
        killed = Fault("one sidecar", Way.KILL, (f"{self._home.id}-{workload}-sidecar",))
        place = Place(self._home.id, (workload,))

        def act(stage: Stage) -> None:
            with stage.struck(away, "alone", "agent and controller back"):
                stage.wait(_ALONE_SECONDS)
                with stage.struck(killed, "sidecar killed", "sidecar started alone"):
                    stage.wait(self._seconds)
                stage.wait(max(self._seconds, _EJECTED_SECONDS))
            stage.wait(self._seconds / 2)

        def check(stage: Stage) -> None:
            phase = next(p for p in stage.recorded.phases if p.name == "sidecar started alone")
            records = stage.recorded.histories["GET"].within(phase)
            answers = sum(map(place.answered, records))
            stage.recorded.facts.append(f"{workload} gave {answers} answers from its cache")
            if not answers:
                stage.recorded.broken.append(f"{workload} did not serve from its cache")

        promises = {
            "sidecar killed": _KILLED_SOME,
            "sidecar started alone": Promise(worst=0.3),
            "agent and controller back": Promise(worst=0.3),
        }
        name = "a proxy restarts without agent and controller"
        return Step(name, self._flows("api"), Place(self._home.id), act, promises, check=check)

    def flapping(self) -> Step:
        """All local backends are frozen for a second and run for a second, again and again."""
        names = tuple(m.name for m in backends_of(self._layout, self._home.id, "api"))
        fault = Fault("local backends", Way.FREEZE, names)
        home = Place(self._home.id)

        def act(stage: Stage) -> None:
            stage.begin("flapping")
            for _ in range(_FLAPS):
                stage.flap(fault, _FLAP_SECONDS)
            stage.begin("flapping ended")
            stage.wait_for_return(self._patience)

        def check(stage: Stage) -> None:
            calm, *_, ended = stage.recorded.phases
            records = stage.recorded.histories["GET"].records
            changes = majority_changes(records, home, calm.start, ended.start)
            returned = returned_majority(records, home, ended.start)
            back = "never" if returned is None else f"{returned:.1f} s"
            stage.recorded.facts.append(
                f"the majority changed {changes} times, and was back {back} after the end"
            )
            if changes > _MOST_CHANGES:
                stage.recorded.broken.append(
                    f"the majority changed {changes} times, promised at most 4"
                )
            if returned is None or returned > _BACK_WITHIN_SECONDS:
                stage.recorded.broken.append(
                    f"the majority was back {back} after the end, promised 30 s"
                )

        flows = (
            Flow("GET", "api", rate=self._rate),
            Flow("no sidecar", "api", rate=RARE, sidecar=False),
        )
        return Step(
            "local backends flap for a minute",
            flows,
            home,
            act,
            {"flapping": Promise(worst=1.0), "flapping ended": _BACK},
            check=check,
        )


def _of_tcp(promises: Mapping[str, Promise]) -> dict[tuple[str, str], Promise]:
    """What holds for connections, by phase, through a sidecar and without one."""
    return {(phase, flow): promises[phase] for phase in promises for flow in _TCP_FLOWS}
