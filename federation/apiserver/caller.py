"""Who asks: a value, and the interface by which the server learns it.

In: what a connection and a request show. Out: a `Caller`, or None for a stranger. What a caller may
do is the matter of `federation.apiserver.access`.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Optional

ADMIN = "admin"
"""The user that the admin token makes; no User has this name."""
ADMINS = "fedmesh:admins"
"""The group that may do everything, whatever role bindings say: nobody can be locked out."""
AUTHENTICATED = "system:authenticated"


@dataclass(frozen=True, slots=True)
class Caller:
    """A user who is known; `how` says by what, as `admin token`, `token ID` or `certificate ID`.

    `groups` always has `system:authenticated`. `by` is who asks in this one's name, if anybody
    (impersonation).
    """

    name: str
    groups: tuple[str, ...]
    how: str
    uid: str = ""
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()
    by: Optional["Caller"] = None


def known(
    name: str,
    groups: tuple[str, ...],
    how: str,
    *,
    uid: str = "",
    extra: tuple[tuple[str, tuple[str, ...]], ...] = (),
    by: Caller | None = None,
) -> Caller:
    """A caller with the group of all who are known."""
    return Caller(name, tuple(dict.fromkeys((*groups, AUTHENTICATED))), how, uid, extra, by)


ASKING: ContextVar[Caller | None] = ContextVar("asking", default=None)
"""From whom the request is that this task answers, for the note of what it does."""

Authenticate = Callable[[str, bytes | None, float], Caller | None]
"""By the Authorization header ("" for none), the certificate of the peer (DER; None for none) and
now (seconds since 1970): who asks, None for a stranger. Raises nothing, and reads no disk."""

IsStill = Callable[[], bool]
"""Whether what a request has shown would still be accepted: for what goes on for long."""
