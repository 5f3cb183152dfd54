"""Finds out before the start whether all addresses of the demo are free."""

import contextlib
import errno
import socket
import sys
from collections.abc import Iterable
from pathlib import Path

from federation.demo.layout import Member
from federation.model.errors import Failed

_LISTEN = "0A"


def check_free(members: Iterable[Member]) -> None:
    """Try every address; raises Failed that names the first taken one and who has it."""
    for member in members:
        for _, address in member.addresses:
            host, _, port = address.rpartition(":")
            _try_bind(host, int(port), member.name)


def _try_bind(host: str, port: int, name: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Failed(_explain(host, port, name, error)) from error


def _explain(host: str, port: int, name: str, error: OSError) -> str:
    if error.errno != errno.EADDRINUSE:
        return f"{host}:{port} for {name} cannot be used: {error.strerror}"
    holder = _holder(host, port)
    by = f" by process {holder}" if holder else ""
    return (
        f"{host}:{port} for {name} is already taken{by}: stop that, or choose other addresses "
        "with --network, for example --network 127.20"
    )


def _holder(host: str, port: int) -> str:
    """Pid and name of the process that listens there, empty when we may not see it."""
    inodes = _listening_inodes(host, port)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _open_sockets(entry) & inodes:
            return f"{entry.name} ({(entry / 'comm').read_text().strip()})"
    return ""


def _open_sockets(process: Path) -> set[str]:
    found = set()
    with contextlib.suppress(OSError):
        for link in (process / "fd").iterdir():
            with contextlib.suppress(OSError):  # closed meanwhile
                found.add(str(link.readlink()))
    return found


def _listening_inodes(host: str, port: int) -> set[str]:
    here = f"{int.from_bytes(socket.inet_aton(host), sys.byteorder):08X}:{port:04X}"
    everywhere = f"{0:08X}:{port:04X}"
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == _LISTEN and fields[1] in (here, everywhere):
            found.add(f"socket:[{fields[9]}]")
    return found
