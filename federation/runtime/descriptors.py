"""How many files and sockets this process, and what it starts, may have open."""

import resource

_MOST = 1 << 20
"""More is of no use, and "unlimited" is refused by some kernels."""


def raise_limit() -> int:
    """Allow as many open files as the system lets us; returns how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST if hard == resource.RLIM_INFINITY else hard
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return _MOST if soft == resource.RLIM_INFINITY else soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted
