"""Watches the connections of a gRPC server from beside it, and cuts those that `intake` names.

gRPC for Python shows no connections, but the kernel does: those of this process, how much came in
on each, and it ends one for both sides. A thread of its own looks, so that it works while the loop
is busy. What is looked at is a copy of the descriptor, so that none can be taken for another.
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
from federation.wire.rpc.intake import Intake, Seen

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.025
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


class Sockets:
    """The connections of this process whose own end is at `port`."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._others: dict[int, int] = {}

    def look(self) -> dict[str, Found]:
        """All that are open now, by gRPC's name of the peer."""
        found: dict[str, Found] = {}
        others: dict[int, int] = {}
        for entry in os.listdir(_DESCRIPTORS):  # noqa: PTH208 # numbers, not files
            descriptor = int(entry)
            with contextlib.suppress(OSError):
                kind = os.fstat(descriptor)
                if self._others.get(descriptor) == kind.st_ino or not stat.S_ISSOCK(kind.st_mode):
                    others[descriptor] = kind.st_ino
                    continue
                with _copy(descriptor) as shown:
                    if not self._is_ours(shown):
                        others[descriptor] = kind.st_ino
                        continue
                    found[peer_name(shown.getpeername())] = Found(descriptor, _seen(shown))
        self._others = others
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
def guarded(port: int, intake: Intake) -> Iterator[None]:
    """Watch the connections at `port` while the context lasts."""
    ended = threading.Event()
    watch = threading.Thread(target=_watch, args=(Sockets(port), intake, ended.wait), daemon=True)
    watch.start()
    try:
        yield
    finally:
        ended.set()
        watch.join()


def _watch(sockets: Sockets, intake: Intake, wait: Callable[[float], bool]) -> None:
    refused = LimitedLog(log)
    pause, was_blind = LOOK_SECONDS, False
    while not wait(pause):
        began = time.thread_time()
        try:
            found = sockets.look()
        except OSError:
            continue  # no descriptor is free to look with
        for peer, reason in intake.judge(_counts(found), time.monotonic()).items():
            if sockets.cut(peer, found[peer]):
                refused.say("connection cut", peer=peer, reason=reason)
        if intake.is_blind and not was_blind:
            log.warning(event("connections are not watched", reason="peers are not in the kernel"))
        was_blind = intake.is_blind
        took = time.thread_time() - began
        pause = max(LOOK_SECONDS, took * (_ALARMED_SHARE if intake.is_alarmed() else _SHARE))


def _counts(found: dict[str, Found]) -> dict[str, Seen]:
    return {peer: one.seen for peer, one in found.items()}
