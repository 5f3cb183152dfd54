"""Many UDP packets with one call of the system: recvmmsg and sendmmsg, which Python does not have.

In: a socket. Out: queries with their senders, and replies back to these. A call for each packet
costs more time than finding its answer.
"""

import ctypes
import os
import socket
from collections.abc import Callable
from errno import EAGAIN, EINTR

BATCH = 64
LARGEST = 4096

_SLOT = LARGEST + 192
"""No power of two, or all packets would want the same lines of the processor's cache."""
_NAME = 28
_WORDS_OF_HEADER = 16
_LENGTH_WORD = 14
_V4, _V6 = slice(4, 8), slice(8, 24)
_NAME_LENGTHS = {socket.AF_INET: 16, socket.AF_INET6: 28}

Reply = Callable[[bytes, bytes], bytes | None]
"""From the sender's packed IP address and its query to the reply, None for none."""


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    """`struct mmsghdr` of Linux on 64 bits."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("vectors", ctypes.c_void_p),
        ("vectors_length", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
        ("length", ctypes.c_uint32),
        ("padding", ctypes.c_uint32),
    )


_LIBC = ctypes.CDLL(None, use_errno=True)


class _Buffers:
    """Headers for a batch, each with a slot for a packet; all use the same senders' addresses."""

    def __init__(self, names: ctypes.Array[ctypes.c_char], name_length: int) -> None:
        self._packets = ctypes.create_string_buffer(BATCH * _SLOT)
        self._vectors = (_Vector * BATCH)()
        self.headers = (_Header * BATCH)()
        for i in range(BATCH):
            vector, header = self._vectors[i], self.headers[i]
            vector.base = ctypes.addressof(self._packets) + i * _SLOT
            vector.length = _SLOT
            header.name = ctypes.addressof(names) + i * _NAME
            header.name_length = name_length
            header.vectors = ctypes.addressof(self._vectors) + i * ctypes.sizeof(_Vector)
            header.vectors_length = 1
        self.packets = memoryview(self._packets).cast("B")
        self.words = memoryview(self.headers).cast("B").cast("I")
        self.lengths = memoryview(self._vectors).cast("B").cast("Q")


class Packets:
    """Reads and answers the packets of one non-blocking UDP socket."""

    def __init__(self, udp: socket.socket) -> None:
        self._descriptor = udp.fileno()
        self._address = _V4 if udp.family == socket.AF_INET else _V6
        name_length = _NAME_LENGTHS[socket.AddressFamily(udp.family)]
        self._senders = ctypes.create_string_buffer(BATCH * _NAME)
        self._names = memoryview(self._senders).cast("B")
        self._in = _Buffers(self._senders, name_length)
        self._out = _Buffers(self._senders, name_length)

    def answer(self, reply: Reply) -> int:
        """Read what is there, at most a batch, and answer it; returns how many were read."""
        count: int = _LIBC.recvmmsg(
            self._descriptor, self._in.headers, BATCH, socket.MSG_DONTWAIT, None
        )
        if count <= 0:
            return 0
        names = bytes(self._names[: count * _NAME])
        start, stop = self._address.start, self._address.stop
        queries, words = self._in.packets, self._in.words
        replies, lengths = self._out.packets, self._out.lengths
        first = 0
        for i in range(count):
            at, name = i * _SLOT, i * _NAME
            query = bytes(queries[at : at + words[i * _WORDS_OF_HEADER + _LENGTH_WORD]])
            made = reply(names[name + start : name + stop], query)
            if made is None:
                self._send(first, i)
                first = i + 1
            else:
                length = len(made)
                replies[at : at + length] = made
                lengths[2 * i + 1] = length
        self._send(first, count)
        return count

    def _send(self, first: int, end: int) -> None:
        """Send the replies [first, end); what the system does not take, clients ask again."""
        while first < end:
            headers = ctypes.byref(self._out.headers, first * ctypes.sizeof(_Header))
            sent = _LIBC.sendmmsg(self._descriptor, headers, end - first, socket.MSG_DONTWAIT)
            if sent > 0:
                first += sent
            elif ctypes.get_errno() == EAGAIN:
                return
            elif ctypes.get_errno() != EINTR:
                first += 1  # this one cannot be sent: its sender's host is gone, for example


def is_supported() -> bool:
    """Whether the structures above are those of this system."""
    return os.uname().sysname == "Linux" and ctypes.sizeof(ctypes.c_void_p) == 8  # noqa: PLR2004
