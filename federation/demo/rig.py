"""The demo's processes as faults strike them (`federation.verify.faults.Rig`)."""

import contextlib
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from federation.demo import mesh
from federation.demo.configs import Paths, has_envoy
from federation.demo.layout import Layout, Member, Role, members
from federation.demo.processes import (
    ProcessTable,
    envoy_of,
    kill_now,
    log_tail,
    pause,
    send_signal,
    start_time,
    stop,
)
from federation.demo.topology import refresh
from federation.model.errors import Failed

_STAND_IN_SECONDS = 10.0
_STAND_IN = "stand-in"
_DIALLED = {Role.GATEWAY: "mtls", Role.SIDECAR: "inbound", Role.LINK: "mtls"}


class DemoRig:
    """The demo in a folder."""

    def __init__(self, state: Path, layout: Layout) -> None:
        self._state = state
        self._paths = Paths(state)
        self._members = {member.name: member for member in members(layout)}

    def _pids(self) -> dict[str, int]:
        return {p.name: p.pid for p in ProcessTable(self._state).load() if p.alive}

    def _chosen(self, names: tuple[str, ...]) -> list[Member]:
        return [self._members[name] for name in names]

    def is_alive(self, name: str) -> bool:
        """Whether a process runs."""
        return name in self._pids()

    def kill(self, names: tuple[str, ...], *, alone: bool) -> float:
        """Kill -9; returns the time just before (CLOCK_MONOTONIC)."""
        if not alone:
            return mesh.kill(self._state, self._chosen(names))
        pids = self._pids()
        at = time.monotonic()
        kill_now(pids[name] for name in names if name in pids)
        refresh(self._state)
        return at

    def send(self, names: tuple[str, ...], number: signal.Signals, *, alone: bool) -> float:
        """Send a signal; returns the time just before (CLOCK_MONOTONIC)."""
        pids = self._pids()
        struck = [pids[name] for name in names if name in pids]
        if not alone:
            envoys = [envoy_of(self._paths.state(m.name)) for m in self._proxies(names)]
            struck += [pid for pid in envoys if pid is not None]
        known = [(pid, start_time(pid)) for pid in struck]
        at = time.monotonic()
        for pid, started in known:
            send_signal(pid, started, number)
        return at

    def _proxies(self, names: tuple[str, ...]) -> list[Member]:
        return [member for member in self._chosen(names) if has_envoy(member)]

    def start(self, names: tuple[str, ...]) -> None:
        """Start those that do not run, and wait until they are ready."""
        mesh.start_again(self._state, self._chosen(names))

    def stand_in(self, names: tuple[str, ...], how: str) -> Callable[[], None]:
        """Listen where others dialled these; returns what ends that."""
        addresses = [m.address(_DIALLED[m.role]) for m in self._chosen(names) if m.role in _DIALLED]
        module = ("-P", "-m", "federation.verify.standin", "--how", how)
        table = ProcessTable(self._state)
        log = self._paths.log(_STAND_IN)
        process = table.start(_STAND_IN, (sys.executable, *module, *addresses), log)

        def leave() -> None:
            stop([process.pid], grace_seconds=2.0)
            table.forget(_STAND_IN)

        deadline = time.monotonic() + _STAND_IN_SECONDS
        while not all(_listens(address) for address in addresses):
            if not process.alive or time.monotonic() > deadline:
                leave()
                raise Failed(f"nothing stands in for {', '.join(names)}:\n{log_tail(log)}")
            pause(0.02)
        return leave


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1.0):
        return True
    return False
