"""Changes of JSON values as merge patches (RFC 7396), and whether two of them touch the same.

In: values. Out: patches.
"""

from typing import Any

Json = dict[str, Any]


def change(before: Json, after: Json) -> Json:
    """The patch that makes `after` of `before`; {} when they are the same."""
    found: Json = {name: None for name in before if name not in after}
    for name, value in after.items():
        old = before.get(name)
        if name in before and old == value:
            continue
        both = isinstance(old, dict) and isinstance(value, dict)
        found[name] = change(old, value) if both and isinstance(old, dict) else value
    return found


def contested(mine: Json, theirs: Json, path: str = "") -> list[str]:
    """The fields that both patches change, and not to the same."""
    found = []
    for name in mine.keys() & theirs.keys():
        one, other = mine[name], theirs[name]
        if isinstance(one, dict) and isinstance(other, dict):
            found += contested(one, other, f"{path}{name}.")
        elif one != other:
            found.append(f"{path}{name}")
    return sorted(found)
