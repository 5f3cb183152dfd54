"""What happens to objects, for as long as somebody reads: a watch that is begun again when it ends.

In: a selection and what was listed of it. Out: (type, item), an item being an object or a Table of
one row. Level, not edge: where the past is not kept any more all is listed again and compared, so
that nothing is missed, and a controller that is away for a while is waited for.
"""

from collections.abc import Callable, Iterator
from typing import Any

from federation.cli.objects.session import Session
from federation.client.objects import Selection, revision_of
from federation.client.statuses import Expired, is_final
from federation.model.errors import FedmeshError

Json = dict[str, Any]

PAUSE_SECONDS = 1.0
ADDED, MODIFIED, DELETED, BOOKMARK = "ADDED", "MODIFIED", "DELETED", "BOOKMARK"


def follow(
    session: Session, selection: Selection, listed: Json, accept: str, say: Callable[[str], None]
) -> Iterator[tuple[str, Json]]:
    """What happens after `listed`; endless. `say`: told once when the controller is away."""
    known = {key_of(item): item for item in items_of(listed)}
    revision, is_away, is_gone = revision_of(listed), False, False
    while True:
        try:
            if is_gone:
                listed = session.objects.list(selection, accept)
                revision, is_gone = revision_of(listed), False
                yield from _differences(known, listed)
            for type, found in session.objects.watch(selection, revision, accept):
                is_away = False
                revision = revision_of(found) or revision
                if type != BOOKMARK:
                    _remember(known, type, found)
                    yield type, found
        except Expired:
            is_gone = True
        except FedmeshError as error:
            if is_final(error):
                raise
            if not is_away:
                say(f"waiting: {error}")
            is_away = True
        session.sleep(PAUSE_SECONDS)


def _remember(known: dict[str, Json], type: str, item: Json) -> None:
    if type == DELETED:
        known.pop(key_of(item), None)
    else:
        known[key_of(item)] = item


def _differences(known: dict[str, Json], listed: Json) -> Iterator[tuple[str, Json]]:
    """What must have happened meanwhile; `known` becomes what is there."""
    now = {key_of(item): item for item in items_of(listed)}
    for key in [key for key in known if key not in now]:
        yield DELETED, known.pop(key)
    for key, item in now.items():
        before = known.get(key)
        known[key] = item
        if before is None:
            yield ADDED, item
        elif revision_of(object_of(before)) != revision_of(object_of(item)):
            yield MODIFIED, item


def items_of(listed: Json) -> list[Json]:
    """The objects of a list, or of a Table each row as a Table."""
    if listed.get("kind") == "Table":
        return [{**listed, "rows": [row]} for row in listed.get("rows") or []]
    return list(listed.get("items") or [])


def object_of(item: Json) -> Json:
    """The object itself, or that of the row."""
    rows = item.get("rows")
    if item.get("kind") == "Table" and isinstance(rows, list) and rows:
        item = rows[0].get("object") or {}
    return item


def key_of(item: Json) -> str:
    """By what an object is told from all others, now and before."""
    metadata = object_of(item).get("metadata") or {}
    return str(metadata.get("uid") or f"{metadata.get('namespace')}/{metadata.get('name')}")
