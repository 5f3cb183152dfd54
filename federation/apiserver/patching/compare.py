"""What became another between two states of an object, as sets of fields.

In: two objects and their schema. Out: what was added, modified and removed. Linear in the objects.
"""

from dataclasses import dataclass, field

from federation.apiserver.patching.fields import (
    NEVER_OWNED,
    Fields,
    difference,
    fields_of,
    node_of,
    union,
)
from federation.apiserver.patching.shape import Part, both_parts, parts
from federation.apiserver.patching.values import Json, same


@dataclass(frozen=True, slots=True)
class Comparison:
    """Sets of fields. `replaced` are the parts of what is no object or list any more."""

    added: Fields = field(default_factory=dict)
    modified: Fields = field(default_factory=dict)
    removed: Fields = field(default_factory=dict)
    replaced: Fields = field(default_factory=dict)

    @property
    def written(self) -> Fields:
        """What has a value that it did not have."""
        return union(self.modified, self.added)

    @property
    def lost(self) -> Fields:
        """What is no more."""
        return union(self.removed, self.replaced)


def compare(before: Json, after: Json, schema: Json) -> Comparison:
    """What must be done to the one to get the other, but for what is never owned."""
    found = _compare(parts(before, schema) or {}, parts(after, schema) or {})
    return Comparison(
        *(
            difference(fields, NEVER_OWNED)
            for fields in (found.added, found.modified, found.removed, found.replaced)
        )
    )


def _compare(before: dict[str, Part], after: dict[str, Part]) -> Comparison:
    found = Comparison()
    for name, part in before.items():
        if name not in after:
            found.removed[name] = node_of(part, every=True)
    for name, part in after.items():
        known = before.get(name)
        if known is None:
            found.added[name] = node_of(part, every=True)
        elif known.value is not part.value:
            _compare_part(name, known, part, found)
    return found


def _compare_part(name: str, before: Part, after: Part, found: Comparison) -> None:
    both = both_parts(before.value, after.value, after.schema)
    if both is not None:
        inner = _compare(*both)
        for mine, below in zip(_sets(found), _sets(inner), strict=True):
            if below:
                mine[name] = below
    elif not same(before.value, after.value):
        found.modified[name] = {}
        if new := parts(after.value, after.schema):
            found.added[name] = fields_of(new, every=True)
        if old := parts(before.value, before.schema):
            found.replaced[name] = fields_of(old, every=True)


def _sets(found: Comparison) -> tuple[Fields, ...]:
    return found.added, found.modified, found.removed, found.replaced
