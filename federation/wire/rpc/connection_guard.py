"""Watches the connections of a gRPC server from beside it, and cuts those that `intake` names.

gRPC for Python shows no connections, but the kernel does: those of this process, how much came in
on each, and it ends one for both sides. A thread of its own looks, so that it works while the loop
is busy. What is looked at is a copy of the descriptor, so that none can be taken for another.

While nothing can be held against anybody (`Intake.is_settled`) it waits until something comes in
(`federation.wire.rpc.arrivals`), and looks once a second in case that was missed.
"""

import contextlib
import logging
import os
import socket
import stat
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from federation.runtime.limited_log import LimitedLog
from federation.runtime.logs import event
from federation.wire.rpc.arrivals import Arrivals
from federation.wire.rpc.intake import Intake, Seen

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.025
REST_SECONDS = 1.0
"""After so long it looks whatever it was told, and for connections it was not told of. A time of
`federation.wire.rpc.intake` goes on by so much at most between two looks."""
_SHARE, _ALARMED_SHARE = 50, 10
"""Of the time that passes, one part in so many goes into looking at most."""
_DESCRIPTORS = "/proc/self/fd"
_INFO_BYTES = 256
_COUNTS = struct.Struct("=QQ")
_COUNTS_AT = 120
"""Of `struct tcp_info`: bytes acknowledged by the peer, bytes received from it (Linux 4.1)."""
_MAPPED = "::ffff:"


@dataclass(frozen=True, slots=True)
class Found:
    """One connection at the address that is watched."""

    descriptor: int
    seen: Seen


@dataclass(frozen=True, slots=True)
class _Known:
    """What never changes of a connection: its inode tells it from the next with its descriptor."""

    inode: int
    peer: str


class Sockets:
    """The connections of this process whose own end is at `port`.

    `hear` is given each one that is new, and returns whether more of it will be told.
    """

    def __init__(self, port: int, hear: Callable[[socket.socket], bool] = lambda _: False) -> None:
        self._port = port
        self._hear = hear
        self._others: dict[int, int] = {}
        self._known: dict[int, _Known] = {}
        self._unheard: set[int] = set()

    @property
    def are_heard(self) -> bool:
        """Whether all that were found will be told of when something comes in."""
        return self._unheard.isdisjoint(known.inode for known in self._known.values())

    def look(self) -> dict[str, Found]:
        """All that are open now, by gRPC's name of the peer."""
        others, known = self._others, self._known
        self._others, self._known = {}, {}
        for entry in os.listdir(_DESCRIPTORS):  # noqa: PTH208 # numbers, not files
            descriptor = int(entry)
            with contextlib.suppress(OSError):
                kind = os.fstat(descriptor)
                before = known.get(descriptor)
                if before is not None and before.inode == kind.st_ino:
                    self._known[descriptor] = before
                elif others.get(descriptor) == kind.st_ino or not stat.S_ISSOCK(kind.st_mode):
                    self._others[descriptor] = kind.st_ino
                else:
                    self._meet(descriptor)
        return self.look_again()

    def _meet(self, descriptor: int) -> None:
        """Find out what a socket is; raises OSError."""
        with _copy(descriptor) as shown:
            inode = os.fstat(shown.fileno()).st_ino
            if not self._is_ours(shown):
                self._others[descriptor] = inode
                return
            self._known[descriptor] = _Known(inode, peer_name(shown.getpeername()))
            if not self._hear(shown):
                self._unheard.add(inode)

    def look_again(self) -> dict[str, Found]:
        """Those of the last look that are open still."""
        found: dict[str, Found] = {}
        for descriptor, known in tuple(self._known.items()):
            seen = None
            with contextlib.suppress(OSError), _known_copy(descriptor) as shown:
                if os.fstat(shown.fileno()).st_ino == known.inode:
                    seen = _seen(shown)
            if seen is None:
                del self._known[descriptor]
                self._unheard.discard(known.inode)
            else:
                found[known.peer] = Found(descriptor, seen)
        return found

    def _is_ours(self, shown: socket.socket) -> bool:
        """Whether it is TCP, connected, and at our port."""
        if shown.family not in (socket.AF_INET, socket.AF_INET6):
            return False
        is_stream = shown.type == socket.SOCK_STREAM
        return is_stream and shown.getsockname()[1] == self._port and not _listens(shown)

    @staticmethod
    def cut(peer: str, found: Found) -> bool:
        """End this connection for both sides; returns whether it was still that one."""
        with contextlib.suppress(OSError), _copy(found.descriptor) as shown:
            if peer_name(shown.getpeername()) == peer:
                shown.shutdown(socket.SHUT_RDWR)
                return True
        return False


def _listens(shown: socket.socket) -> bool:
    return bool(shown.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


@contextmanager
def _copy(descriptor: int) -> Iterator[socket.socket]:
    with socket.socket(fileno=os.dup(descriptor)) as shown:
        yield shown


@contextmanager
def _known_copy(descriptor: int) -> Iterator[socket.socket]:
    """The same without asking the kernel what it is; that of IPv6 may be called one of IPv4 here,
    which is of no matter to what is asked of it.
    """
    kind = socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP
    with socket.socket(*kind, fileno=os.dup(descriptor)) as shown:
        yield shown


def _seen(shown: socket.socket) -> Seen:
    info = shown.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES)
    if len(info) < _COUNTS_AT + _COUNTS.size:
        return Seen(0)  # a kernel that does not count
    taken, received = _COUNTS.unpack_from(info, _COUNTS_AT)
    return Seen(received, taken)


def peer_name(address: Any) -> str:
    """How gRPC calls the peer at this address of a socket."""
    host, port = str(address[0]), address[1]
    if host.startswith(_MAPPED):
        host = host.removeprefix(_MAPPED)
    host = host.replace("%", "%25")
    return f"ipv6:%5B{host}%5D:{port}" if ":" in host else f"ipv4:{host}:{port}"


@contextmanager
def guarded(port: int, intake: Intake, arrivals: Arrivals) -> Iterator[None]:
    """Watch the connections at `port` while the context lasts.

    `arrivals` is rung by whoever knows of a new connection, before anything is read of it.
    """
    ended = threading.Event()
    guard = Guard(Sockets(port, arrivals.hear), intake, arrivals.wait)
    watch = threading.Thread(target=_watch, args=(guard, ended), daemon=True)
    watch.start()
    try:
        yield
    finally:
        ended.set()
        arrivals.ring()
        watch.join()


def _watch(guard: "Guard", ended: threading.Event) -> None:
    while not ended.wait(guard.pause):
        guard.turn()


class Guard:
    """Who looks. `wait(seconds)` is that of `Arrivals`."""

    def __init__(self, sockets: Sockets, intake: Intake, wait: Callable[[float], bool]) -> None:
        self._sockets = sockets
        self._intake = intake
        self._wait = wait
        self._refused = LimitedLog(log)
        self._looked_at_all: float | None = None
        self._may_rest = False
        self._was_blind = False
        self.pause = LOOK_SECONDS
        """Seconds until the next turn."""

    def turn(self) -> None:
        """Wait while there is nothing to judge; look, and cut who is to be cut."""
        is_told = self._wait(REST_SECONDS if self._may_rest else 0.0)
        began, now = time.thread_time(), time.monotonic()
        self._may_rest = False
        try:
            found = self._look(now, is_told)
        except OSError:
            return  # no descriptor is free to look with
        for peer, reason in self._intake.judge(_counts(found), now).items():
            if self._sockets.cut(peer, found[peer]):
                self._refused.say("connection cut", peer=peer, reason=reason)
        is_blind = self._intake.is_blind
        if is_blind and not self._was_blind:
            log.warning(event("connections are not watched", reason="peers are not in the kernel"))
        self._was_blind = is_blind
        self._may_rest = self._intake.is_settled() and self._sockets.are_heard
        took = time.thread_time() - began
        share = _ALARMED_SHARE if self._intake.is_alarmed() else _SHARE
        self.pause = max(LOOK_SECONDS, took * share)

    def _look(self, now: float, is_told: bool) -> dict[str, Found]:
        """At all descriptors when there is a new connection, and now and then."""
        last = self._looked_at_all
        if not is_told and last is not None and now - last < REST_SECONDS:
            return self._sockets.look_again()
        self._looked_at_all = None  # until it has worked
        found = self._sockets.look()
        self._looked_at_all = now
        return found


def _counts(found: dict[str, Found]) -> dict[str, Seen]:
    return {peer: one.seen for peer, one in found.items()}
