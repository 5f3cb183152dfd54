"""The mesh on one machine: up, kept, killed in parts, brought back, down.

In: the demo's folder and its layout. Out: running processes, and words about the progress, which go
to `tell`. Everything is written down in the folder, so that any later fedctl can go on from there.
"""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from federation.client.client import Client
from federation.client.documents import cluster_document
from federation.demo import configs, folder, readiness
from federation.demo.configs import Paths
from federation.demo.layout import Layout, Member, Role, Site, members
from federation.demo.owner import check_ours
from federation.demo.ports import check_free
from federation.demo.processes import (
    ProcessTable,
    bury,
    envoy_of,
    kill_now,
    log_tail,
    marked,
    pause,
    stop,
)
from federation.demo.topology import refresh
from federation.model.errors import Conflict, Failed, FedmeshError, NotReady
from federation.runtime.files import write_private

Tell = Callable[[str], None]

START_SECONDS = 90.0
_STOP_SECONDS = 3.0
_LOCK_SECONDS = 3.0
_TOKEN_SECONDS = 3600
_LOOK_SECONDS = 1.0
_KILL_ROUNDS = 5


def is_running(state: Path) -> bool:
    """Whether a process of a demo in this folder lives, and can be used."""
    check_ours(state)
    return Paths(state).marker.exists() and bool(marked(state))


def up(state: Path, layout: Layout, tell: Tell) -> float:
    """Start everything and wait until it answers; returns the seconds that took.

    Raises FedmeshError when something does not start; all is taken down again by then.
    """
    began = time.monotonic()
    check_ours(state)
    paths = Paths(state)
    configs.check_depth(layout, paths)
    if is_running(state):
        raise Conflict(
            f"a demo is already running in {state}: use it, or end it with 'fedctl demo down'"
        )
    if paths.marker.exists() or marked(state):
        tell(f"clearing what an earlier demo left in {state}")
        down(state)
    check_free(members(layout))
    folder.claim(state, layout)
    try:
        with folder.locked(state):
            _start(paths, layout, tell, began + START_SECONDS)
    except BaseException:
        tell("taking everything down")
        down(state)
        raise
    return time.monotonic() - began


def _start(paths: Paths, layout: Layout, tell: Tell, deadline: float) -> None:
    state = paths.folder
    folder.fill(layout, paths)
    everyone = members(layout)
    tell("starting the controller and the applications")
    _start_roles(paths, layout, everyone, (Role.CONTROLLER, Role.APP, Role.LINK))
    readiness.wait_for([readiness.controller_check(layout, paths)], state, deadline)
    client = readiness.client_of(layout, paths)
    for site in layout.sites:
        _admit(client, site, paths)
    tell(f"starting {len(layout.sites)} agents, their gateways, sidecars and DNS servers")
    roles = (Role.AGENT, Role.GATEWAY, Role.SIDECAR, Role.DNS)
    _start_roles(paths, layout, everyone, roles)
    refresh(state)
    readiness.wait_for(readiness.agent_checks(layout, paths), state, deadline)
    tell("all clusters have joined")
    readiness.wait_for(readiness.process_checks(everyone), state, deadline)
    tell("all proxies are ready")
    readiness.wait_for(readiness.request_checks(layout), state, deadline)
    tell("every service was answered in each cluster")
    refresh(state)


def _start_roles(
    paths: Paths, layout: Layout, everyone: Iterable[Member], roles: tuple[Role, ...]
) -> None:
    table = ProcessTable(paths.folder)
    for member in sorted(everyone, key=lambda m: m.role not in roles[:1]):
        if member.role in roles:
            command = configs.command_of(member, layout, paths)
            background = configs.is_control_plane(member)
            table.start(member.name, command, paths.log(member.name), background=background)


def _admit(client: Client, site: Site, paths: Paths) -> None:
    """Tell the controller of a cluster, and get the token with which its agent joins.

    Raises Failed with the last lines of the controller's log.
    """
    cidr = f"{site.gateway.rpartition('.')[0]}.0/24"
    document = cluster_document(
        site.id, site.region, zones=(site.zone,), network=site.id, gateway_cidrs=(cidr,)
    )
    try:
        client.put_cluster(document)
        token = client.create_join_token(site.id, _TOKEN_SECONDS)["token"]
    except FedmeshError as error:
        tail = log_tail(paths.log("controller"))
        raise Failed(f"{error}; the last lines of the controller's log:\n{tail}") from error
    write_private(paths.token(f"{site.id}-agent"), f"{token}\n".encode())


def down(state: Path) -> bool:
    """Stop everything and remove the folder; False when there was no demo.

    Processes whose folder somebody removed are found as well, by the mark they carry.
    """
    check_ours(state)
    if not Paths(state).marker.exists():
        return _stop_orphans(state)
    with folder.locked(state, _LOCK_SECONDS):
        _stop_everything(state)
        folder.remove(state)
    return True


def halt(state: Path) -> None:
    """Stop everything and leave the folder as it is; `up` and `down` remove it."""
    with folder.locked(state, _LOCK_SECONDS):
        _stop_everything(state)


def _stop_orphans(state: Path) -> bool:
    """Kill the processes of a demo that has no folder any more; False when there are none."""
    found = left = marked(state)
    for _ in range(_KILL_ROUNDS):  # a supervisor may start its Envoy meanwhile
        if not left:
            return bool(found)
        kill_now(left)
        left = marked(state)
    raise Failed(
        f"process {left[0]} of the demo that was in {state} does not end, even when killed"
    )


def _stop_everything(state: Path) -> None:
    recorded = [p.pid for p in ProcessTable(state).load() if p.alive]
    supervisors = _supervisors(state)
    # Supervisors first, or they start their Envoys again; nothing is worth draining here.
    kill_now(pid for pid in recorded if pid in supervisors)
    envoys = [envoy_of(entry) for entry in sorted((state / "state").glob("*"))]
    others = {pid for pid in envoys if pid is not None}
    stop(sorted({*recorded, *others, *marked(state)}), _STOP_SECONDS)
    stop(marked(state), _STOP_SECONDS)


def _supervisors(state: Path) -> frozenset[int]:
    return frozenset(
        p.pid
        for p in ProcessTable(state).load()
        if any(module in p.command for module in configs.SUPERVISOR_MODULES)
    )


def kill(state: Path, victims: Iterable[Member]) -> float:
    """Kill -9 processes with their Envoys; returns the time just before (CLOCK_MONOTONIC)."""
    paths = Paths(state)
    pids = {p.name: p.pid for p in ProcessTable(state).load() if p.alive}
    chosen = sorted(victims, key=lambda m: not configs.has_envoy(m))
    supervisors = [m for m in chosen if configs.has_envoy(m)]
    envoys = [envoy_of(paths.state(m.name)) for m in supervisors]
    order = [pids[m.name] for m in supervisors if m.name in pids]
    order += [pid for pid in envoys if pid is not None]
    order += [pids[m.name] for m in chosen if m not in supervisors and m.name in pids]
    at = time.monotonic()
    kill_now(order)
    refresh(state)
    return at


def start_again(state: Path, chosen: Iterable[Member]) -> None:
    """Start processes that were killed, and wait until they are ready."""
    again = tuple(chosen)
    table = ProcessTable(state)
    recorded = {p.name: p for p in table.load()}
    for member in again:
        before = recorded[member.name]
        if not before.alive:
            background = configs.is_control_plane(member)
            table.start(member.name, before.command, Path(before.log), background=background)
    checks = readiness.process_checks(again)
    names = {member.name for member in again}
    readiness.wait_for(checks, state, time.monotonic() + START_SECONDS, names)
    _refresh_after(state, f"started {', '.join(sorted(names))}")


def _refresh_after(state: Path, done: str) -> None:
    """Write `topology.json`; what was done stays done, whether it can be written or not."""
    try:
        refresh(state)
    except OSError as error:
        file = Paths(state).topology
        raise Failed(
            f"{done}, but {file} cannot be written ({error.strerror}) and says what was before: "
            "make room, and say 'fedctl demo status'"
        ) from error


def watch(state: Path, tell: Tell) -> None:
    """Keep `topology.json` current until the demo is taken down; tell of processes that end."""
    said: set[int] = set()
    while True:
        try:
            with folder.locked(state, _LOCK_SECONDS):
                refresh(state)
        except (NotReady, FileNotFoundError):
            tell("the demo was taken down")
            return
        except Conflict:
            continue
        for process in ProcessTable(state).load():
            if not process.alive and process.pid not in said:
                said.add(process.pid)
                bury(process.pid)
                tell(f"{process.name} has ended (pid {process.pid})")
        pause(_LOOK_SECONDS)
