"""JSON values: whether two are the same, how large one is, how deep.

In: values as a JSON parser makes them. Out: answers, in time that is linear in the value.
"""

from typing import Any

Json = dict[str, Any]

MAX_DEPTH = 64
"""How deep an object may be nested: what walks it calls itself for each level."""

_LEAST = 4  # what a number, a boolean, a null or a comma with quotes takes, about


def same(one: Any, other: Any) -> bool:
    """Whether they are the same JSON value. Python takes true for 1; JSON does not."""
    return bool(one == other) and _alike(one, other)


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return all(_alike(value, other[name]) for name, value in one.items())
    if isinstance(one, list):
        return all(map(_alike, one, other))
    return isinstance(one, bool) == isinstance(other, bool)


def size(value: Any, most: int) -> int:
    """About how many bytes it takes as JSON; no more is counted once it is more than `most`."""
    total, rest = 0, [value]
    while rest and total <= most:
        found = rest.pop()
        total += _LEAST
        if isinstance(found, str):
            total += len(found)
        elif isinstance(found, dict):
            total += sum(_LEAST + len(name) for name in found)
            rest.extend(found.values())
        elif isinstance(found, list):
            rest.extend(found)
    return total


def is_deep(value: Any) -> bool:
    """Whether it is nested deeper than `MAX_DEPTH` levels."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for found in level
            if isinstance(found, dict | list)
            for child in (found.values() if isinstance(found, dict) else found)
        ]
    return bool(level)
