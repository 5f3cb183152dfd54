"""How what is applied goes into an object, and what is taken out of it again.

In: an object, a configuration or a set of fields, the schema. Out: another object.
"""

from typing import Any

from federation.apiserver.patching.fields import SELF, Fields
from federation.apiserver.patching.shape import Part, both_parts, listed, parts
from federation.apiserver.patching.values import Json


def merged(live: Any, applied: Any, schema: Json) -> Any:
    """The value with what is applied in it; what has no parts is replaced as a whole.

    Null takes nothing out of what has parts: `labels:` in YAML says nothing of the labels.

    Items of lists that both have are in the order of what is applied.
    """
    both = both_parts(live, applied, schema)
    if both is None:
        return applied
    if applied is None:
        return live
    old, new = both
    values = {name: _merged_part(old.get(name), part) for name, part in new.items()}
    if isinstance(applied, dict):
        return {**(live or {}), **{name[2:]: value for name, value in values.items()}}
    order = _ordered(list(old), list(new))
    return listed(values[name] if name in values else old[name].value for name in order)


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
    return listed(left.values())
