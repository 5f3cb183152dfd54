"""Deleting objects, and waiting until they are gone.

In: places. Out: a line for each; what is not there is an error of its own, told after the others
were deleted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from federation.cli.io import IO
from federation.cli.objects.session import Session
from federation.client.objects import Place
from federation.model.errors import Busy, Failed, FedmeshError, NotReady

PAUSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Deletion:
    """How to delete; `timeout` in seconds for all, None for not waiting at all."""

    timeout: float | None = None
    is_dry: bool = False
    ignores_missing: bool = False


def delete(places: Sequence[Place], how: Deletion, session: Session, io: IO) -> int:
    """Delete them; returns the exit code. Raises Failed when they are not gone in time."""
    code, going = 0, []
    for place in places:
        try:
            uid = _uid(place, session)
            session.objects.delete(place, is_dry=how.is_dry)
        except FedmeshError as error:
            if _is_missing(error) and how.ignores_missing:
                continue
            if not _is_missing(error) or len(places) == 1:
                raise
            io.say(f"fedctl: {error}")
            code = code or error.exit_code
            continue
        io.result(f"{place.title} deleted{' (dry run)' if how.is_dry else ''}")
        going.append((place, uid))
    if how.timeout is not None and not how.is_dry:
        _wait(going, how.timeout, session)
    return code


def _is_missing(error: FedmeshError) -> bool:
    return isinstance(error, NotReady) and not isinstance(error, Busy)


def _uid(place: Place, session: Session) -> str:
    """By which another object of the same name is told from this one."""
    return str(session.objects.get(place).get("metadata", {}).get("uid") or "")


def _wait(going: Sequence[tuple[Place, str]], timeout: float, session: Session) -> None:
    until = session.now() + timeout
    for place, uid in going:
        while _is_there(place, uid, session):
            if session.now() >= until:
                raise Failed(
                    f"{place.title} is being deleted, but still there after {timeout:g} s: "
                    "see its finalizers with fedctl get -o yaml"
                )
            session.sleep(PAUSE_SECONDS)


def _is_there(place: Place, uid: str, session: Session) -> bool:
    found = session.objects.find(place)
    return found is not None and str(found.get("metadata", {}).get("uid") or "") == uid
