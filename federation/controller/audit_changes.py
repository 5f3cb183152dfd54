"""What a write changed in an object, in short: the paths of fields with their old and new values.

In: two JSON objects. Out: sentences such as `spec.region: "us" -> "eu"`, bounded, and never a value
whose name says that it is a secret.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

MOST_CHANGES = 20
LONGEST_VALUE = 60
DEEPEST = 8
_SECRET = re.compile(r"secret|token|password|passphrase|private|credential|apikey", re.IGNORECASE)
_OURS = frozenset(
    {
        "metadata.managedFields",
        "metadata.resourceVersion",
        "metadata.generation",
        "metadata.uid",
        "metadata.creationTimestamp",
        "metadata.annotations.kubectl.kubernetes.io/last-applied-configuration",
        "status",
    }
)
"""What the server writes, or repeats the rest: no news."""
_NOTHING = object()


def changes(before: Any, after: Any) -> tuple[str, ...]:
    """What is different in `after`; None stands for an object that is not there."""
    found = list(_different("", before if before else {}, after if after else {}))
    beyond = len(found) - MOST_CHANGES
    shown = found[:MOST_CHANGES]
    return (*shown, f"and {beyond} more") if beyond > 0 else tuple(shown)


def _different(path: str, before: Any, after: Any) -> Iterator[str]:
    if before == after or path in _OURS:
        return
    is_deep = path.count(".") >= DEEPEST
    if isinstance(before, dict) and isinstance(after, dict) and not is_deep:
        for name in sorted({*before, *after}, key=str):
            below = f"{path}.{name}" if path else str(name)
            yield from _different(below, before.get(name, _NOTHING), after.get(name, _NOTHING))
        return
    if isinstance(after, dict) and before is _NOTHING and after and not is_deep:
        yield from _different(path, {}, after)
        return
    yield _sentence(path, before, after)


def _sentence(path: str, before: Any, after: Any) -> str:
    where = path if len(path) <= 2 * LONGEST_VALUE else f"{path[: 2 * LONGEST_VALUE - 3]}..."
    if _SECRET.search(path):
        return f"{where}: (not shown)"
    if before is _NOTHING:
        return f"{where}: {_value(after)}"
    if after is _NOTHING:
        return f"{where}: {_value(before)} -> (gone)"
    return f"{where}: {_value(before)} -> {_value(after)}"


def _value(value: Any) -> str:
    if isinstance(value, dict | list) and _SECRET.search(json.dumps(value)):
        return "(not shown)"
    text = json.dumps(value, sort_keys=True)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 3]}..."
