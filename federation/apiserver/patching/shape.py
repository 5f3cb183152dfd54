"""How the value at a place of an object is merged with another, by the schema of the place.

In: a value and its structural schema. Out: its parts, each of which is merged and owned on its own,
or that it is one piece. A list has parts where `x-kubernetes-list-type` is `map` or `set`, an
object has parts unless `x-kubernetes-map-type` is `atomic`; what no schema speaks of is taken for
what it looks like: objects have parts, lists do not.
"""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from federation.apiserver.patching.values import Json

LIST_KEYS = "x-kubernetes-list-map-keys"
LIST_TYPE = "x-kubernetes-list-type"
MAP_TYPE = "x-kubernetes-map-type"

_TEXT = {"type": "string"}
_TEXTS = {"type": "object", "additionalProperties": _TEXT}
_OWNER = {
    "type": "object",
    MAP_TYPE: "atomic",
    "properties": {"uid": _TEXT, "name": _TEXT, "kind": _TEXT, "apiVersion": _TEXT},
}

METADATA: Json = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("name", "namespace", "generateName", "uid", "resourceVersion"), _TEXT),
        "labels": _TEXTS,
        "annotations": _TEXTS,
        "finalizers": {"type": "array", "items": _TEXT, LIST_TYPE: "set"},
        "ownerReferences": {
            "type": "array",
            "items": _OWNER,
            LIST_TYPE: "map",
            LIST_KEYS: ["uid"],
        },
    },
}
"""The metadata of every kind, whatever its schema says of it."""


class Part(NamedTuple):
    """A member of an object, or an item of a list. `named` are those that the schema names."""

    value: Any
    schema: Json
    named: bool = False


class Repeated(list[Any]):
    """Items of a list that have the same name, which therefore are one part together."""


def whole(schema: Json) -> Json:
    """The schema of an object of a kind, with the metadata that all kinds have."""
    properties = {**schema.get("properties", {}), "metadata": METADATA}
    for name in ("apiVersion", "kind"):
        properties.setdefault(name, _TEXT)
    return {**schema, "type": "object", "properties": properties}


def parts(value: Any, schema: Json) -> dict[str, Part] | None:
    """The parts in their order, by the name each has in FieldsV1; None for what is one piece.

    A list with an item that has no key is one piece; items of the same name are `Repeated`.
    """
    if isinstance(value, dict):
        if schema.get(MAP_TYPE) == "atomic":
            return None
        return {f"f:{name}": _member(name, child, schema) for name, child in value.items()}
    if not isinstance(value, list) or schema.get(LIST_TYPE) not in ("map", "set"):
        return None
    items: dict[str, list[Any]] = {}
    for item in value:
        name = item_name(item, schema)
        if name is None:
            return None
        items.setdefault(name, []).append(item)
    inner = schema.get("items", {})
    return {
        name: Part(same[0], inner) if len(same) == 1 else Part(Repeated(same), {})
        for name, same in items.items()
    }


def listed(values: Iterable[Any]) -> list[Any]:
    """A list of these parts, in this order."""
    found: list[Any] = []
    for value in values:
        found.extend(value if isinstance(value, Repeated) else [value])
    return found


def both_parts(
    one: Any, other: Any, schema: Json
) -> tuple[dict[str, Part], dict[str, Part]] | None:
    """The parts of two values of the same place; None if they cannot be compared by their parts.

    Null, beside what has parts, has none.
    """
    kinds = {type(value) for value in (one, other) if value is not None}
    mine, yours = ({} if value is None else parts(value, schema) for value in (one, other))
    return (mine, yours) if len(kinds) == 1 and mine is not None and yours is not None else None


def _member(name: str, value: Any, schema: Json) -> Part:
    inner, named = of_element(schema, f"f:{name}")
    return Part(value, inner, named)


def of_element(schema: Json, element: str) -> tuple[Json, bool]:
    """The schema of a part, by its name in FieldsV1, and whether the schema names it."""
    if not element.startswith("f:"):
        return schema.get("items", {}), False
    found = schema.get("properties", {}).get(element[2:])
    if found is not None:
        return found, True
    rest = schema.get("additionalProperties")
    return (rest if isinstance(rest, dict) else {}), False


def item_name(item: Any, schema: Json) -> str | None:
    """What an item of a list of type `map` or `set` is called; None when it has no key."""
    if schema.get(LIST_TYPE) == "set":
        return f"v:{compact(item)}"
    properties = schema.get("items", {}).get("properties", {})
    if not isinstance(item, dict):
        return None
    keys = {}
    for key in schema.get(LIST_KEYS, ()):
        value = item.get(key, properties.get(key, {}).get("default"))
        if not isinstance(value, str | int | float):
            return None
        keys[key] = value
    return f"k:{compact(keys)}" if keys else None


def compact(value: Any) -> str:
    """JSON as FieldsV1 has it in names: no blanks, members in order, no 80.0 for 80."""
    if isinstance(value, dict):
        value = {k: _whole_number(v) for k, v in value.items()}
    return json.dumps(
        _whole_number(value), separators=(",", ":"), sort_keys=True, ensure_ascii=False
    )


def _whole_number(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
