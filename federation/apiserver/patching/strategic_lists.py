"""Lists in a strategic merge patch: what items are called, and the order in which they end up.

In: lists and their schema. Out: items by name, or in order; the next on the way is
`federation.apiserver.patching.strategic`.
"""

from collections.abc import Callable
from typing import Any

from federation.apiserver.patching.shape import LIST_TYPE, compact, item_name
from federation.apiserver.patching.values import Json
from federation.model.errors import InvalidInput, shown

KEY = "x-kubernetes-patch-merge-key"
STRATEGY = "x-kubernetes-patch-strategy"

Named = dict[str, Any]
Namer = Callable[[Any], str | None]


def namer(schema: Json) -> Namer | None:
    """How items of a list are told apart; None for a list that is replaced as a whole."""
    key, strategy = schema.get(KEY), schema.get(STRATEGY)
    if strategy is not None and "merge" not in str(strategy).split(","):
        return None
    if strategy is not None and key is not None:
        return lambda item: compact(item[key]) if isinstance(item, dict) and key in item else None
    if schema.get(LIST_TYPE) in ("map", "set"):
        return lambda item: item_name(item, schema)
    return compact if strategy is not None else None


def named(items: list[Any], name: Namer) -> Named:
    """The items in their order, by name; one without a name, or with another's, keeps its place."""
    found: Named = {}
    for index, item in enumerate(items):
        called = name(item)
        found[f"#{index}" if called is None or called in found else called] = item
    return found


def name_of(item: Any, name: Namer, path: str) -> str:
    """What an item of a patch is called; InvalidInput if it has no key."""
    called = name(item)
    if called is None:
        raise InvalidInput(f"{path}: {shown(item)} lacks the key that tells the items apart")
    return called


def without_values(items: list[Any], values: Any, path: str) -> list[Any]:
    """The list after `$deleteFromPrimitiveList`."""
    if not isinstance(values, list):
        raise InvalidInput(f"{path} must be a list of values, not {shown(values)}")
    gone = {compact(value) for value in values}
    return [item for item in items if compact(item) not in gone]


def in_order(items: Named, wanted: list[str], before: list[str]) -> list[Any]:
    """The items after `$setElementOrder`: those of `wanted` in its order.

    What it does not name stays behind what was before it, as the list was `before`.
    """
    place = {name: index for index, name in enumerate(before)}
    last = len(place)
    listed = [name for name in dict.fromkeys(wanted) if name in items]
    # The first place of all that are still to come: they must come before what is behind it.
    first = [place.get(name, last) for name in listed]
    for index in range(len(first) - 2, -1, -1):
        first[index] = min(first[index], first[index + 1])
    order: list[str] = []
    taken, chosen = 0, set(listed)
    for name in items:
        if name in chosen:
            continue
        while taken < len(listed) and first[taken] < place.get(name, last):
            order.append(listed[taken])
            taken += 1
        order.append(name)
    return [items[name] for name in (*order, *listed[taken:])]
