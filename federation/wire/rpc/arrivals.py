"""Tells when something has come in on any of some connections, for whoever would look all the time.

In: connections to hear of, and rings of a bell by whoever knows of a new one. Out: the end of a
wait. What came in while nobody waited ends the next wait. It may wake for nothing, and a connection
whose send buffer is full may be missed when another thread reads what it sends at once: whoever
uses this looks by itself now and then. Used by `federation.wire.rpc.connection_guard`.
"""

import os
import select
import socket
import threading
from contextlib import suppress

_ANYTHING = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET
"""Each arrival, once. With EPOLLOUT it is told also when it was read before anybody asks: a
connection that is told of must have something to say at that moment, and it may nearly always
write."""
_MOST = 64
"""So many are taken in one go; the rest ends the next wait."""


class Arrivals:
    """Connections that are heard of, and a bell. `ring` is for any thread."""

    def __init__(self) -> None:
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._open = threading.Lock()
        self._is_open = True
        self._events = select.epoll()
        self._events.register(self._bell, select.EPOLLIN)

    def hear(self, connection: socket.socket) -> bool:
        """Be told of what comes in on it, until all have closed it; returns whether that works.

        This does not keep it open, nor need it stay open under this descriptor.
        """
        try:
            self._events.register(connection, _ANYTHING)
        except FileExistsError:
            return True
        except OSError:
            return False
        return True

    def ring(self) -> None:
        """End the wait; after `close` nothing happens."""
        with self._open:
            if self._is_open:
                os.eventfd_write(self._bell, 1)

    def wait(self, seconds: float) -> bool:
        """Wait until something came in or the bell was rung, for so long at most.

        Returns whether it was rung.
        """
        found = [descriptor for descriptor, _ in self._events.poll(seconds, _MOST)]
        if self._bell not in found:
            return False
        with suppress(BlockingIOError):
            os.eventfd_read(self._bell)
        return True

    def close(self) -> None:
        """Nobody waits any more."""
        with self._open:
            self._is_open = False
            self._events.close()
            os.close(self._bell)
