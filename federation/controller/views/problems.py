"""What is wrong in the federation: by which check, where, since when, and what to do.

In: what the controller knows, as values. Out: problems, in the order of clusters. A check is a row
of `federation.model.checks`; what finds it is a function here, of one cluster, of one service or of
one certificate. Shown by `fedctl status`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from federation.model.checks import CHECKS, Check, Finding
from federation.model.names import ClusterId, ServiceName
from federation.model.observations import Rejected
from federation.model.proxies import NO_ENTRY, NO_LISTENER, TOKEN_ENDS, TROUBLE
from federation.planning.liveness import Life
from federation.trust.lives import made_at

CLOCK_SECONDS = 30.0
"""Clocks that differ by more are shown; certificates are made for 5 minutes."""
MOST_OF_A_KIND = 20
"""Problems of one check and place that are told one by one; the rest is counted."""
CONTROLLER, CLUSTERSET = "controller", "clusterset"
"""Where a problem is that is not of one cluster."""
ROOT_NOTICE = timedelta(days=90)
NOTICE, LAST_SHARE = timedelta(days=7), 4
"""What is renewed by itself is said when so little is left of its life, and not more than that."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One of them; `since` in seconds since 1970, None when that is not known.

    `subject` is what it is about within `where`, to tell it from others of its check.
    """

    check: str
    where: str
    what: str
    subject: str = ""
    since: float | None = None

    @property
    def kind(self) -> Check:
        """What is known of its check."""
        return CHECKS[self.check]

    @property
    def remedy(self) -> str:
        """What to do."""
        return self.kind.remedy.format(cluster=self.where)


@dataclass(frozen=True, slots=True)
class Said:
    """Something known about a cluster, in words, and since when."""

    what: str
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Term:
    """The two ends of a certificate's life."""

    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True)
class ClusterState:
    """What the controller knows of one cluster; times in seconds since 1970.

    `clock` is by how many seconds its agent's clock is ahead. `unreached` are gateways with the
    clusters that do not reach them, `reached` those that some cluster reaches, `refused` its
    reports that were not taken and `beyond` how many more those are, `remarks` what was taken
    otherwise than claimed, `rejected` what its proxies did not take, `findings` what its agent has
    found. `turns`, `held` and `awaited` say in a sentence that agents take turns, what the guard
    holds back, and that it has not reported. `authority` is the life of its authority. One that was
    `revoked` is meant to be away.
    """

    id: ClusterId
    joined: bool
    life: Life
    last_seen: float | None = None
    clock: float | None = None
    exports: int = 0
    gateways: tuple[str, ...] = ()
    unreached: tuple[tuple[str, tuple[ClusterId, ...]], ...] = ()
    reached: frozenset[str] = frozenset()
    refused: tuple[Said, ...] = ()
    beyond: int = 0
    remarks: tuple[str, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    findings: tuple[Finding, ...] = ()
    turns: str = ""
    held: str = ""
    awaited: str = ""
    authority: Term | None = None
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class ServiceState:
    """A service that is not well: ready and all endpoints of each exporter, its conflicts.

    `remarks`: what its exports ask for and the mesh does not do.
    """

    name: ServiceName
    exporters: tuple[tuple[ClusterId, int, int], ...]
    conflicts: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def is_off(clock: float) -> bool:
    """Whether clocks that differ by so many seconds are worth a word."""
    return abs(clock) > CLOCK_SECONDS


# -- one cluster -----------------------------------------------------------------------------------


def _joining(state: ClusterState) -> Iterator[Problem]:
    if not state.joined and not state.revoked:
        yield Problem("cluster-not-joined", state.id, "it has not joined yet")


def _silence(state: ClusterState) -> Iterator[Problem]:
    if not state.joined:
        return
    match state.life:
        case Life.SUSPECT:
            what = "its agent is silent"
            yield Problem("agent-silent", state.id, what, since=state.last_seen)
        case Life.LOST:
            what = "it is lost: its agent is silent, and most others do not reach its gateways"
            yield Problem("cluster-lost", state.id, what, since=state.last_seen)
        case Life.LIVE:
            return


def _clock(state: ClusterState) -> Iterator[Problem]:
    clock = state.clock
    if clock is not None and is_off(clock):
        where = "ahead of" if clock > 0 else "behind"
        what = f"its agent's clock is {abs(clock):.0f} s {where} the controller's"
        yield Problem("clock-differs", state.id, what)


def _told(state: ClusterState) -> Iterator[Problem]:
    if state.turns:
        yield Problem("agents-take-turns", state.id, state.turns)
    if state.held:
        yield Problem("withdrawal-held-back", state.id, state.held)
    if state.awaited:
        yield Problem("cluster-not-reported", state.id, state.awaited)


def _reports(state: ClusterState) -> Iterator[Problem]:
    for said in state.refused:
        what = f"a report of it is refused: {said.what}"
        yield Problem("report-refused", state.id, what, said.what, said.since)
    if state.beyond:
        what = f"{state.beyond} more of its reports are refused"
        yield Problem("report-refused", state.id, what, "more")
    for remark in state.remarks:
        yield Problem("zone-not-configured", state.id, remark, remark)


_PROXIES: dict[str, tuple[str, str]] = {
    NO_ENTRY: ("entry-not-offered", "offers no entry at"),
    NO_LISTENER: ("proxy-listener-missing", "does not listen at"),
    TROUBLE: ("proxy-trouble", "fails at"),
    TOKEN_ENDS: ("workload-token-ends", "has a workload token in"),
}


def _proxies(state: ClusterState) -> Iterator[Problem]:
    for found in state.rejected:
        kind = found.type_url.rpartition(".")[2]
        check, does = _PROXIES.get(
            found.type_url, ("proxy-resource-refused", f"does not take {kind}")
        )
        what = f"{found.proxy} {does} {found.name}: {found.reason}"
        subject = f"{found.proxy} {kind} {found.name}"
        yield Problem(check, state.id, what, subject, found.since or None)


def _gateways(state: ClusterState) -> Iterator[Problem]:
    if not state.gateways:
        if state.exports:
            what = f"it exports {state.exports} services, but has no gateway"
            yield Problem("no-gateway", state.id, f"{what} by which others reach them")
        return
    dead, others = _dead(state), dict(state.unreached)
    if dead.keys() == set(state.gateways):
        last = max((at for _, at in dead.values() if at), default=None)
        what = f"none of its gateways serves: {', '.join(why for why, _ in dead.values())}"
        yield Problem("no-gateway-serves", state.id, what, since=last)
        return
    away = _away(state)
    for name in state.gateways:
        subject = f"gateway {name}"
        if name in away and name in state.reached:
            what, since = away[name]
            check, what = "gateway-without-supervisor", f"{what}; its Envoy answers"
            yield Problem(check, state.id, what, subject, since)
        elif name in away:
            what, since = away[name]
            yield Problem("gateway-away", state.id, what, subject, since)
        if name in others and name not in away:
            what = f"{subject} is not reached from {', '.join(others[name])}"
            yield Problem("gateway-unreached", state.id, what, subject)


def _away(state: ClusterState) -> dict[str, tuple[str, float | None]]:
    """The gateways that the agent misses: why, and since when."""
    found = {f.subject: f for f in state.findings if f.check == "gateway-away"}
    known = ((name, found.get(f"gateway {name}")) for name in state.gateways)
    return {name: (f.what, f.since or None) for name, f in known if f is not None}


def _dead(state: ClusterState) -> dict[str, tuple[str, float | None]]:
    """The gateways that nobody reaches, as far as anybody looks."""
    away, others = _away(state), dict(state.unreached)
    dead: dict[str, tuple[str, float | None]] = {}
    for name in state.gateways:
        if name in state.reached:
            continue
        if name in away:
            dead[name] = away[name]
        elif name in others:
            what = f"gateway {name} is not reached from {', '.join(others[name])}"
            dead[name] = (what, None)
    return dead


def _found(state: ClusterState) -> Iterator[Problem]:
    """What the agent has found, but what of its gateways others know better."""
    for found in state.findings:
        if found.check != "gateway-away":
            since = found.since or None
            yield Problem(found.check, state.id, found.what, found.subject, since)


def _authority(state: ClusterState, now: float) -> Iterator[Problem]:
    life = state.authority
    if life is None or not state.joined:
        return
    at = life.not_after.strftime("%Y-%m-%d %H:%M:%S UTC")
    if now >= life.not_after.timestamp():
        what = f"its authority ended at {at}"
        yield Problem("cluster-authority-ended", state.id, what, since=life.not_after.timestamp())
    elif (since := _last_part(life)) <= now:
        what = f"its authority ends at {at} and was not renewed"
        yield Problem("cluster-authority-ends", state.id, what, since=since)


def _last_part(life: Term) -> float:
    """When so much of a life is over that it should have been renewed."""
    whole = life.not_after - made_at(life.not_before, life.not_after)
    return (life.not_after - min(NOTICE, whole / LAST_SHARE)).timestamp()


_OF_A_CLUSTER: tuple[Callable[[ClusterState], Iterable[Problem]], ...] = (
    _joining,
    _silence,
    _clock,
    _told,
    _reports,
    _gateways,
    _proxies,
    _found,
)


# -- services --------------------------------------------------------------------------------------


def _service(state: ServiceState) -> Iterator[Problem]:
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


# -- all -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Own:
    """The controller itself: why its store cannot be written, what else it cannot do, and its
    certificates.
    """

    store: str = ""
    troubles: tuple[str, ...] = ()
    root: Term | None = None
    leaf: Term | None = None


def _own(own: Own, now: float) -> Iterator[Problem]:
    if own.store:
        what = f"the store cannot be written: {own.store}"
        yield Problem("store-not-writable", CONTROLLER, what)
    for trouble in own.troubles:
        subject = trouble.partition(":")[0]
        yield Problem("controller-trouble", CONTROLLER, f"it fails at {trouble}", subject)
    if own.root is not None:
        since = (own.root.not_after - ROOT_NOTICE).timestamp()
        if since <= now:
            what = f"the root ends at {own.root.not_after:%Y-%m-%d}"
            yield Problem("root-ends", CONTROLLER, what, since=since)
    if own.leaf is not None and (since := _last_part(own.leaf)) <= now:
        at = own.leaf.not_after.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        what = f"its certificate ends at {at} and was not renewed"
        yield Problem("controller-certificate-ends", CONTROLLER, what, since=since)


def problems(
    clusters: Iterable[ClusterState],
    services: Iterable[ServiceState] = (),
    own: Own = Own(),
    now: float = 0.0,
) -> tuple[Problem, ...]:
    """All problems, so many of each check and place; `now` in seconds since 1970."""
    found = list(_own(own, now))
    for state in clusters:
        for check in _OF_A_CLUSTER:
            found.extend(check(state))
        found.extend(_authority(state, now))
    for service in services:
        found.extend(_service(service))
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
