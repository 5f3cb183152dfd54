"""The difference that applying documents would make, as a unified diff of their YAML.

In: objects as they are and as they would be. Out: lines; none where nothing would change.
"""

import difflib
from collections.abc import Iterator
from typing import Any

from federation.cli.objects.applying import Checked, stated
from federation.cli.objects.shown import as_yaml

Json = dict[str, Any]

_CONTEXT = 3


def difference(checked: Checked) -> Iterator[str]:
    """The lines of the difference."""
    place = checked.manifest.place
    name = f"{place.namespace}/{place.title}" if place.namespace else place.title
    before, after = _lines(checked.before), _lines(checked.after)
    begin = "/dev/null" if checked.before is None else f"live/{name}"
    yield from difflib.unified_diff(before, after, begin, f"applied/{name}", "", "", _CONTEXT, "")


def _lines(found: Json | None) -> list[str]:
    if found is None:
        return []
    return as_yaml(stated(found)).splitlines()
