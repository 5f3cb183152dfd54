"""Paths of unix sockets: Linux keeps them in 108 bytes, the last of which is a zero."""

from pathlib import Path

from federation.model.errors import Failed

LONGEST_SOCKET_PATH = 107


def check_socket(path: Path, what: str, remedy: str = "") -> None:
    """Raise Failed when the path of a socket is too long; `what` is the setting that made it so."""
    length = len(str(path).encode())
    if length > LONGEST_SOCKET_PATH:
        raise Failed(
            f"{what} is too deep: the path of a socket has {length} bytes, but may have at most "
            f"{LONGEST_SOCKET_PATH}{remedy}"
        )
