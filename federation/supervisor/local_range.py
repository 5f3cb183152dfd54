"""Whether the machine takes a range of addresses as its own: only then can anybody listen there.

In: the range that a gateway offers for entry. Out: what is wrong with it, looked at again and
again, since routes come and go.
"""

import asyncio
import errno
import socket
from collections.abc import Callable
from ipaddress import ip_network

from federation.runtime.loops import Loop

LOOK_SECONDS = 2.0
_SAYS_NOTHING = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""The system could not look: what was offered goes on being offered."""


def foreign(network: str) -> str:
    """Why nothing can listen in this range (a CIDR) on this machine; empty when it can."""
    found = ip_network(network)
    family = socket.AF_INET if found.version == 4 else socket.AF_INET6  # noqa: PLR2004
    for address in (found[1], found[-2]):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.bind((str(address), 0))
        except OSError as error:
            if error.errno in _SAYS_NOTHING:
                return ""
            if error.errno != errno.EADDRNOTAVAIL:
                return f"nothing can listen at {address}: {error.strerror}"
            more = "" if found.version == 4 else "sysctl net.ipv6.ip_nonlocal_bind=1, and "  # noqa: PLR2004
            return (
                f"this machine does not take {address} as its own; say there: "
                f"{more}ip route add local {network} dev lo"
            )
    return ""


def watching(network: str, on_look: Callable[[str], None]) -> Loop:
    """Look for ever, and say each time what is wrong."""

    async def turn() -> None:
        await asyncio.sleep(LOOK_SECONDS)
        on_look(foreign(network))

    return Loop("entry", turn)
