"""Faults as values: what is done to which processes, and how it is undone.

In: a `Fault` and a `Rig`, which knows the processes. Out: an `Injection`, whose `end` undoes it. A
supervisor and its Envoy are struck together, or one would bring the other back; `alone` strikes
only the supervisor.
"""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from federation.verify.standin import HANG, REFUSE


class Way(StrEnum):
    """What is done.

    `freeze` stops a process without closing anything. `hang` and `refuse` put another one in the
    place of a killed one, which accepts connections and says nothing, or resets them.
    """

    KILL = "kill"
    FREEZE = "freeze"
    HANG = "hang"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Fault:
    """`members` are names of processes; `alone`: without the Envoys of supervisors."""

    name: str
    way: Way
    members: tuple[str, ...]
    alone: bool = False


class Rig(Protocol):
    """The processes that faults strike, by name."""

    def is_alive(self, name: str) -> bool:
        """Whether a process runs."""

    def kill(self, names: tuple[str, ...], *, alone: bool) -> float:
        """Kill -9; returns the time just before (CLOCK_MONOTONIC)."""

    def send(self, names: tuple[str, ...], number: signal.Signals, *, alone: bool) -> float:
        """Send a signal; returns the time just before (CLOCK_MONOTONIC)."""

    def start(self, names: tuple[str, ...]) -> None:
        """Start those that do not run, and wait until they are ready."""

    def stand_in(self, names: tuple[str, ...], how: str) -> Callable[[], None]:
        """Listen where they did; returns what ends that."""


@dataclass(frozen=True, slots=True)
class Injection:
    """A fault in force: since when (CLOCK_MONOTONIC seconds), and how to end it."""

    fault: Fault
    at: float
    end: Callable[[], None]


def unavailable(fault: Fault, rig: Rig) -> str:
    """Why the fault cannot be injected now; empty when it can."""
    dead = [name for name in fault.members if not rig.is_alive(name)]
    return f"{fault.name}: {', '.join(dead)} does not run" if dead else ""


def inject(fault: Fault, rig: Rig) -> Injection:
    """Do it; whoever calls must call `end`."""
    at, undo = _WAYS[fault.way](fault, rig)
    return Injection(fault, at, undo)


def _kill(fault: Fault, rig: Rig) -> tuple[float, Callable[[], None]]:
    at = rig.kill(fault.members, alone=fault.alone)
    return at, lambda: rig.start(fault.members)


def _freeze(fault: Fault, rig: Rig) -> tuple[float, Callable[[], None]]:
    at = rig.send(fault.members, signal.SIGSTOP, alone=fault.alone)

    def thaw() -> None:
        rig.send(fault.members, signal.SIGCONT, alone=fault.alone)

    return at, thaw


def _replace(how: str) -> Callable[[Fault, Rig], tuple[float, Callable[[], None]]]:
    def strike(fault: Fault, rig: Rig) -> tuple[float, Callable[[], None]]:
        at = rig.kill(fault.members, alone=fault.alone)
        try:
            leave = rig.stand_in(fault.members, how)
        except Exception:
            rig.start(fault.members)
            raise

        def bring_back() -> None:
            leave()
            rig.start(fault.members)

        return at, bring_back

    return strike


_WAYS: dict[Way, Callable[[Fault, Rig], tuple[float, Callable[[], None]]]] = {
    Way.KILL: _kill,
    Way.FREEZE: _freeze,
    Way.HANG: _replace(HANG),
    Way.REFUSE: _replace(REFUSE),
}
