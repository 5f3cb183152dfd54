"""Calls services in turn: `python -m tests.scale.calling ADDRESS PORT PAUSE TIMES HOST...`.

One after the other over one connection that stays open, `PAUSE` ms apart, all hosts `TIMES` times.
Prints JSON: how many milliseconds each call took. A process of its own with nothing but the
standard library, so that nobody else's work is in these times.
"""

import json
import socket
import sys
import threading
import time

_OK = b"HTTP/1.1 200 "
_END = b"\r\n\r\n"


class Caller:
    """A connection to the outbound listener of a sidecar, opened anew when that closes it."""

    def __init__(self, address: str, port: int) -> None:
        self._address = (address, port)
        self._open = self._connect()

    def _connect(self) -> socket.socket:
        made = socket.create_connection(self._address, timeout=20.0)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def call(self, host: str) -> float:
        """One GET; returns how many seconds it took. Raises OSError unless it is answered 200."""
        asked = f"GET / HTTP/1.1\r\nhost: {host}\r\n\r\n".encode()
        began = time.perf_counter()
        self._open.sendall(asked)
        said = b""
        while _END not in said or len(said) < said.index(_END) + len(_END) + _length(said):
            more = self._open.recv(65536)
            if not more:
                raise OSError(f"{host}: closed after {said[:80]!r}")
            said += more
        took = time.perf_counter() - began
        if not said.startswith(_OK):
            raise OSError(f"{host} answers {said[:200]!r}")
        if b"connection: close" in said.lower():
            self._open.close()
            self._open = self._connect()
        return took


def _length(said: bytes) -> int:
    head = said.partition(_END)[0].lower()
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return int(value)
    raise OSError(f"no length: {said[:200]!r}")


def main() -> None:
    """Call, print."""
    address, port, pause, times, *hosts = sys.argv[1:]
    caller, never = Caller(address, int(port)), threading.Event()
    took: list[float] = []
    for host in hosts * int(times):
        took.append(round(1000 * caller.call(host), 4))
        if float(pause):
            never.wait(float(pause) / 1000)
    sys.stdout.write(json.dumps(took))


if __name__ == "__main__":
    main()
