"""Values in an object by the paths that columns and selectors use: the simple part of JSONPath.

`.spec.region`, `.metadata.labels['a.b/c']`, `.status.conditions[?(@.type=="Ready")].status`,
`.spec.targets[0]`,
`.status.clusters[*].cluster`.
"""

import re
from functools import cache
from typing import Any

_STEP = re.compile(
    r"\.?([A-Za-z0-9_-]+)"
    r"|\[(\d+|\*)\]"
    r"|\['((?:[^'\\]|\\.)*)'\]"
    r"|\[\?\(@\.([A-Za-z0-9_]+)==[\"']([^\"']*)[\"']\)\]"
)
Step = str | int | tuple[str, str]
EACH = -1
"""The step to each item of a list."""


@cache
def steps(path: str) -> tuple[Step, ...]:
    """The steps of a path; raises ValueError for what is none. For paths that are ours."""
    found: list[Step] = []
    at = 0
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            raise ValueError(f"{path!r} is no path, at {path[at:]!r}")
        name, index, quoted, field, value = match.groups()
        if field is not None:
            found.append((field, value))
        elif index is not None:
            found.append(EACH if index == "*" else int(index))
        else:
            found.append(name if name is not None else quoted.replace("\\", ""))
        at = match.end()
    return tuple(found)


def value_at(found: Any, path: str) -> Any:
    """The value at a path, None where there is none."""
    return _walk(found, steps(path))


def _walk(found: Any, path: tuple[Step, ...]) -> Any:
    for index, step in enumerate(path):
        if step == EACH:
            items = found if isinstance(found, list) else []
            return [_walk(item, path[index + 1 :]) for item in items]
        found = _step(found, step)
        if found is None:
            return None
    return found


def _step(found: Any, step: Step) -> Any:
    if isinstance(step, str):
        return found.get(step) if isinstance(found, dict) else None
    if not isinstance(found, list):
        return None
    if isinstance(step, int):
        return found[step] if step < len(found) else None
    name, value = step
    return next((one for one in found if isinstance(one, dict) and one.get(name) == value), None)
