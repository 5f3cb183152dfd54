"""What is wrong with one cluster.

In: what the controller knows of it, as a value. Out: its problems. A check is a function here.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from federation.controller.views.problem import Problem, Said, Term, last_part
from federation.model.checks import Finding
from federation.model.names import ClusterId
from federation.model.observations import ProxyNack
from federation.model.proxies import NO_ENTRY, NO_LISTENER, TOKEN_ENDS, TROUBLE
from federation.planning.liveness import Life

CLOCK_SECONDS = 30.0
"""Clocks that differ by more are shown; certificates are made for 5 minutes."""


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
    rejected: tuple[ProxyNack, ...] = ()
    findings: tuple[Finding, ...] = ()
    turns: str = ""
    held: str = ""
    awaited: str = ""
    authority: Term | None = None
    revoked: bool = False


def is_off(clock: float) -> bool:
    """Whether clocks that differ by so many seconds are worth a word."""
    return abs(clock) > CLOCK_SECONDS


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
    elif (since := last_part(life)) <= now:
        what = f"its authority ends at {at} and was not renewed"
        yield Problem("cluster-authority-ends", state.id, what, since=since)


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


def cluster_problems(state: ClusterState, now: float) -> Iterator[Problem]:
    """All that is wrong with a cluster; `now` in seconds since 1970."""
    for check in _OF_A_CLUSTER:
        yield from check(state)
    yield from _authority(state, now)
