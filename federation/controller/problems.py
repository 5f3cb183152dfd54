"""What is wrong in the federation: each problem says what, where, since when, and what to do.

In: what the controller knows, as values. Out: problems, in the order of clusters. A check is a
function of one cluster; who has another adds it to `CHECKS`. Shown by `fedctl status`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from federation.model.names import ClusterId
from federation.model.observations import Rejected
from federation.model.proxies import NO_ENTRY, NO_LISTENER, TROUBLE
from federation.planning.liveness import Life

CLOCK_SECONDS = 30.0
"""Clocks that differ by more are shown; certificates are made for 5 minutes."""
MOST_OF_A_KIND = 20
"""Problems of one kind and cluster that are told one by one; the rest is counted."""
_AGAIN = "look at its log; it tries again by itself"
_AS_BEFORE = "the last good version stays in force there; look at what was changed"


@dataclass(frozen=True, slots=True)
class Problem:
    """One of them; `since` in seconds since 1970, None when that is not known."""

    where: str
    what: str
    do: str
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """Something known about a cluster, in words, and since when."""

    what: str
    since: float | None = None


@dataclass(frozen=True, slots=True)
class ClusterState:
    """What the controller knows of one cluster; times in seconds since 1970.

    `clock` is by how many seconds its agent's clock is ahead. `unreached` are gateways with the
    clusters that do not reach them, `refused` its reports that were not taken and `beyond` how many
    more those are, `remarks` what was taken otherwise than claimed, `rejected` what its proxies did
    not take, `told` what else is to be said, with what to do. One that was `revoked` is meant to be
    away.
    """

    id: ClusterId
    joined: bool
    life: Life
    last_seen: float | None = None
    clock: float | None = None
    exports: int = 0
    gateways: tuple[str, ...] = ()
    unreached: tuple[tuple[str, tuple[ClusterId, ...]], ...] = ()
    refused: tuple[Said, ...] = ()
    beyond: int = 0
    remarks: tuple[str, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    told: tuple[str, ...] = ()
    revoked: bool = False


def is_off(clock: float) -> bool:
    """Whether clocks that differ by so many seconds are worth a word."""
    return abs(clock) > CLOCK_SECONDS


def _joining(state: ClusterState) -> Iterator[Problem]:
    if not state.joined and not state.revoked:
        what = "has not joined yet"
        yield Problem(state.id, what, f"make a token: fedctl token create {state.id}")


def _silence(state: ClusterState) -> Iterator[Problem]:
    if not state.joined:
        return
    match state.life:
        case Life.SUSPECT:
            do = "look at its agent and at the link to it; its traffic goes on meanwhile"
            yield Problem(state.id, "its agent is silent", do, state.last_seen)
        case Life.LOST:
            what = "it is lost: its agent is silent, and most others do not reach its gateways"
            do = "look at the cluster and its network; others use the next tier meanwhile"
            yield Problem(state.id, what, do, state.last_seen)
        case Life.LIVE:
            return


def _clock(state: ClusterState) -> Iterator[Problem]:
    clock = state.clock
    if clock is not None and is_off(clock):
        where = "ahead of" if clock > 0 else "behind"
        what = f"its agent's clock is {abs(clock):.0f} s {where} the controller's"
        do = "set the clock (NTP): beyond 5 minutes certificates are refused"
        yield Problem(state.id, what, do)


def _reports(state: ClusterState) -> Iterator[Problem]:
    do = "change what it exports, or what is stated: fedctl cluster add"
    for said in state.refused:
        yield Problem(state.id, f"a report of it is refused: {said.what}", do, said.since)
    if state.beyond:
        yield Problem(state.id, f"{state.beyond} more of its reports are refused", do)
    for remark in state.remarks[:MOST_OF_A_KIND]:
        yield Problem(state.id, remark, "state the zone: fedctl cluster add --zone")


def _proxies(state: ClusterState) -> Iterator[Problem]:
    for found in state.rejected[:MOST_OF_A_KIND]:
        yield _SHOWN.get(found.type_url, _not_taken)(state, found)
    beyond = len(state.rejected) - MOST_OF_A_KIND
    if beyond > 0:
        yield Problem(state.id, f"its proxies do not take {beyond} more resources", _AS_BEFORE)


def _not_taken(state: ClusterState, found: Rejected) -> Problem:
    kind = found.type_url.rpartition(".")[2]
    what = f"{found.proxy} does not take {kind} {found.name}: {found.reason}"
    return Problem(state.id, what, _AS_BEFORE)


def _no_entry(state: ClusterState, found: Rejected) -> Problem:
    what = f"{found.proxy} offers no entry at {found.name}: {found.reason}"
    return Problem(state.id, what, "clients without a sidecar are led to other gateways meanwhile")


def _no_listener(state: ClusterState, found: Rejected) -> Problem:
    what = f"{found.proxy} does not listen at {found.name}: {found.reason}"
    do = "look which program has the port; the proxy tries again every few seconds"
    return Problem(state.id, what, do)


def _trouble(state: ClusterState, found: Rejected) -> Problem:
    return Problem(state.id, f"{found.proxy} fails at {found.name}: {found.reason}", _AGAIN)


_SHOWN = {NO_ENTRY: _no_entry, NO_LISTENER: _no_listener, TROUBLE: _trouble}


def _gateways(state: ClusterState) -> Iterator[Problem]:
    if state.exports and not state.gateways:
        what = f"it exports {state.exports} services, but has no gateway by which others reach them"
        yield Problem(state.id, what, "start a gateway, or look why its report is refused")
    for gateway, observers in state.unreached:
        what = f"gateway {gateway} is not reached from {', '.join(observers)}"
        do = "look whether it runs, and at the network between them; others of its cluster serve"
        yield Problem(state.id, what, do)


def _else(state: ClusterState) -> Iterator[Problem]:
    for text in state.told[:MOST_OF_A_KIND]:
        yield Problem(state.id, text, "")


CHECKS: tuple[Callable[[ClusterState], Iterable[Problem]], ...] = (
    _joining,
    _silence,
    _clock,
    _else,
    _reports,
    _proxies,
    _gateways,
)


def problems(
    clusters: Iterable[ClusterState], store: str = "", own: Iterable[str] = ()
) -> tuple[Problem, ...]:
    """All problems; `store` is why the store cannot be written, empty when it can.

    `own` is what else the controller cannot do.
    """
    found = []
    if store:
        do = "make room or repair the disk: until then a restart would lose what changed"
        found.append(Problem("controller", f"the store cannot be written: {store}", do))
    for trouble in own:
        found.append(Problem("controller", f"it fails at {trouble}", _AGAIN))
    for state in clusters:
        for check in CHECKS:
            found.extend(check(state))
    return tuple(found)
