"""Waiting until an object is as it should be: a list, then a watch, until the time is over.

In: a place and a goal. Out: nothing, when it is reached. Raises NotReady when there is no object to
wait for, and Failed when the time is over.
"""

from collections.abc import Iterator
from typing import Any

from federation.cli.objects.follow import BOOKMARK, DELETED
from federation.cli.objects.goals import Goal
from federation.cli.objects.session import Session
from federation.client.objects import Place, revision_of
from federation.client.statuses import Expired, is_final
from federation.model.errors import Failed, FedmeshError, NotReady

Json = dict[str, Any]

PAUSE_SECONDS = 0.5


def wait_for(place: Place, goal: Goal, until: float, session: Session) -> None:
    """Wait until `until`, on the session's clock; what is so already needs no time."""
    first = ""
    while True:
        try:
            for found in _seen(place, until, session):
                uid = str((found or {}).get("metadata", {}).get("uid") or "")
                first = first or uid
                is_another = goal.is_gone and uid != first
                if is_another or goal.holds(found):
                    return
                if found is None and goal.needs_object:
                    raise _Missing(f'{place.kind.resource} "{place.name}" not found')
        except Expired:
            pass
        except FedmeshError as error:
            if is_final(error) or isinstance(error, _Missing) or session.now() >= until:
                raise
        if session.now() >= until:
            raise Failed(f"{place.title} is not so yet: the time to wait for it is over")
        session.sleep(PAUSE_SECONDS)


class _Missing(NotReady):
    """There is no object; a controller that is away is waited for."""


def _seen(place: Place, until: float, session: Session) -> Iterator[Json | None]:
    """The object as it is, and as it becomes until the time is over or the watch ends."""
    selection = session.one(place)
    listed = session.objects.list(selection)
    yield next(iter(listed["items"]), None)
    left = until - session.now()
    if left <= 0:
        return
    for type, found in session.objects.watch(selection, revision_of(listed), seconds=left):
        if type != BOOKMARK:
            yield None if type == DELETED else found
