"""The errors a caller can act on, and how they relate.

    FedmeshError
    ├── InvalidInput   what a person or a peer wrote is wrong: change it          exit code 2
    ├── NotReady       not there yet: ask again later                             exit code 8
    │   └── Busy       too much is asked for at once: ask again a little later     exit code 8
    ├── Denied         the identity or token does not permit it: get another one  exit code 4
    ├── PeerBroke      the other side did not keep to the protocol                exit code 1
    ├── Conflict       it contradicts something that exists: resolve that first   exit code 1
    └── Failed         the machine refused (a port, a disk, a program): exit code 1

Messages are lower case without a full stop and name the object, the field and the value.
"""

_LONGEST = 80


def shown(value: object) -> str:
    """A value as an error message shows it: its beginning, and never another error.

    Python refuses to print numbers of thousands of digits, and lists that are nested that deep.
    """
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        text = f"a {type(value).__name__} that is too large to show"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


class FedmeshError(Exception):
    """Any failure that fedmesh explains in one sentence."""

    exit_code = 1


class InvalidInput(FedmeshError):  # noqa: N818 - a sentence reads better without the suffix
    """A document, argument or message says something that cannot be."""

    exit_code = 2


class NotReady(FedmeshError):  # noqa: N818
    """The thing asked for does not exist yet, and may exist later."""

    exit_code = 8


class Busy(NotReady):
    """Too much is asked for at once."""


class Denied(FedmeshError):  # noqa: N818
    """The caller's identity or token does not permit this."""

    exit_code = 4


class PeerBroke(FedmeshError):  # noqa: N818
    """A peer sent what the protocol does not allow."""


class Conflict(FedmeshError):  # noqa: N818
    """The request contradicts what exists."""


class Failed(FedmeshError):  # noqa: N818
    """The machine refused: a port is taken, a disk is full, a program is missing."""
