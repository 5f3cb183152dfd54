"""How what is applied goes into an object, and what is taken out of it again.

In: an object, a configuration or a set of fields, the schema. Out: another object.
"""

from typing import Any

from federation.apiserver.patching.fields import SELF, Fields
from federation.apiserver.patching.shape import Part, parts
from federation.apiserver.patching.values import Json


def merged(live: Any, applied: Any, schema: Json) -> Any:
    """The value with what is applied in it; what has no parts is replaced as a whole.

    Items of lists that both have are in the order of what is applied.
    """
    old, new = parts(live, schema), parts(applied, schema)
    if old is None or new is None or type(live) is not type(applied):
        return applied
    values = {name: _merged_part(old.get(name), part) for name, part in new.items()}
    if isinstance(live, dict):
        return {**live, **{name[2:]: value for name, value in values.items()}}
    return [values[n] if n in values else old[n].value for n in _ordered(list(old), list(new))]


def _merged_part(live: Part | None, applied: Part) -> Any:
    if live is None:
        return applied.value
    return merged(live.value, applied.value, applied.schema)


def _ordered(live: list[str], applied: list[str]) -> list[str]:
    """All names: those that are only live stay where they are, new ones come where applied."""
    known, wanted = set(live), set(applied)
    order: list[str] = []
    rest = iter(applied)
    for name in live:
        if name not in wanted:
            order.append(name)
            continue
        for next_one in rest:  # the place of a shared item: the next shared one, new ones before
            order.append(next_one)
            if next_one in known:
                break
    return [*order, *rest]


def without(value: Any, gone: Fields, schema: Json) -> Any:
    """The value without these fields, and without what is below them."""
    found = parts(value, schema)
    if not found or not gone:
        return value
    left = {}
    for name, part in found.items():
        node = gone.get(name)
        if node is None:
            left[name] = part.value
        elif node and SELF not in node:
            left[name] = without(part.value, node, part.schema)
    if isinstance(value, dict):
        return {name[2:]: item for name, item in left.items()}
    return list(left.values())
