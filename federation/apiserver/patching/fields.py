"""Sets of fields as Kubernetes writes them (FieldsV1): algebra, reading, writing, printing.

In: values of `metadata.managedFields[].fieldsV1`. Out: such values. A set is kept in that form: an
object with a member for each part (`f:NAME`, `k:{"key":"value"}`, `v:VALUE`), where `{}` means that
the field itself is in the set, and `"."` that it is so besides some of its parts. `{}` as a whole
is the empty set. Nothing here changes what it is given.
"""

import json
from collections.abc import Iterator
from typing import Any

from federation.apiserver.patching.shape import Part, compact, of_element, parts
from federation.apiserver.patching.values import MAX_DEPTH, Json
from federation.model.errors import InvalidInput, shown

Fields = Json

SELF = "."

NEVER_OWNED: Fields = {
    "f:apiVersion": {},
    "f:kind": {},
    "f:metadata": {
        SELF: {},
        **{
            f"f:{name}": {}
            for name in (
                "creationTimestamp",
                "generation",
                "managedFields",
                "name",
                "namespace",
                "resourceVersion",
                "selfLink",
                "uid",
            )
        },
    },
}
"""What says which object it is, or is the API's own."""


def fields_of(found: dict[str, Part], every: bool = False) -> Fields:
    """The set of what an object with these parts says.

    What has parts is in the set itself where the schema does not name it (an item of a list, a key
    of a map), and elsewhere if `every` is set.
    """
    return {name: node_of(part, every) for name, part in found.items()}


def node_of(part: Part, every: bool) -> Fields:
    """What `fields_of` says of one part."""
    inner = parts(part.value, part.schema)
    if not inner:
        return {}
    below = fields_of(inner, every)
    return below if part.named and not every else {SELF: {}, **below}


def _contains_itself(node: Fields) -> bool:
    return not node or SELF in node


def _below(node: Fields) -> Fields:
    return {name: child for name, child in node.items() if name != SELF}


def _node(itself: bool, below: Fields) -> Fields | None:
    if itself:
        return {SELF: {}, **below} if below else {}
    return below or None


def union(one: Fields, other: Fields) -> Fields:
    """What is in either."""
    found = dict(one)
    for name, node in other.items():
        before = found.get(name)
        if before is None:
            found[name] = node
        elif before is not node:
            itself = _contains_itself(before) or _contains_itself(node)
            found[name] = _node(itself, union(_below(before), _below(node))) or {}
    return found


def union_of(sets: list[Fields]) -> Fields:
    """What is in any of them: in pairs, so that none is copied more often than it must be."""
    while len(sets) > 1:
        pairs = zip(sets[::2], [*sets[1::2], {}], strict=False)
        sets = [union(one, other) for one, other in pairs]
    return sets[0] if sets else {}


def difference(one: Fields, other: Fields) -> Fields:
    """What is in the one and not in the other; what is below a field is a field of its own."""
    found = {}
    for name, node in one.items():
        gone = other.get(name)
        itself = _contains_itself(node) and (gone is None or not _contains_itself(gone))
        below = node if gone is None else difference(_below(node), _below(gone))
        left = node if gone is None else _node(itself, below)
        if left is not None:
            found[name] = left
    return found


def intersection(one: Fields, other: Fields) -> Fields:
    """What is in both."""
    found = {}
    less, more = (one, other) if len(one) < len(other) else (other, one)
    for name, node in less.items():
        too = more.get(name)
        if too is None:
            continue
        itself = _contains_itself(node) and _contains_itself(too)
        both = _node(itself, intersection(_below(node), _below(too)))
        if both is not None:
            found[name] = both
    return found


def with_named(fields: Fields, schema: Json) -> Fields:
    """The set, and whatever the schema names above a field of it: who owns a part holds it."""
    found = {}
    for name, node in fields.items():
        inner, named = of_element(schema, name)
        below = with_named(_below(node), inner)
        found[name] = _node(_contains_itself(node) or named, below) or {}
    return found


def read_fields(value: Any, where: str) -> Fields:
    """A set that was written by others, in the form of ours; what is of unknown form is left out.

    Raises InvalidInput that begins with `where`.
    """
    if not isinstance(value, dict):
        raise InvalidInput(f"{where} must be an object, not {shown(value)}")
    return _read(value, where, MAX_DEPTH)


def _read(value: Json, where: str, levels: int) -> Fields:
    found = {}
    for name, node in value.items():
        if not isinstance(node, dict) or (name == SELF and node):
            raise InvalidInput(f"{where}: {shown(name)} must be an object of fields")
        if not levels:
            raise InvalidInput(f"{where} is nested deeper than {MAX_DEPTH} levels")
        read = _name(name, where)
        if read:
            found[read] = _read(node, where, levels - 1)
    return found


def _name(name: str, where: str) -> str | None:
    kind, _, rest = name.partition(":")
    if name == SELF or kind == "f":
        return name
    if kind not in ("k", "v", "i"):
        return None
    try:
        value = json.loads(rest)
    except (ValueError, RecursionError):
        raise InvalidInput(f"{where}: {shown(name)} is not {kind}: and a value as JSON") from None
    if kind == "k" and not (isinstance(value, dict) and value):
        raise InvalidInput(f"{where}: {shown(name)} must have the keys of an item")
    if kind == "i" and (not isinstance(value, int) or isinstance(value, bool)):
        raise InvalidInput(f"{where}: {shown(name)} must have an index")
    return f"{kind}:{compact(value)}"


def write_fields(fields: Fields) -> Fields:
    """The set with its members in order, as it is written."""
    return {name: write_fields(fields[name]) for name in sorted(fields)}


def paths(fields: Fields, above: str = "") -> Iterator[str]:
    """Each field of the set as kubectl prints it, such as `.spec.ports[name="http"].port`."""
    for name in sorted(fields.keys() - {SELF}):
        path, node = above + _printed(name), fields[name]
        if _contains_itself(node):
            yield path
        yield from paths(node, path)


def _printed(name: str) -> str:
    kind, _, rest = name.partition(":")
    match kind:
        case "f":
            return f".{rest}"
        case "k":
            keys = ",".join(f"{key}={compact(v)}" for key, v in json.loads(rest).items())
            return f"[{keys}]"
        case "v":
            return f"[={rest}]"
        case _:
            return f"[{rest}]"
