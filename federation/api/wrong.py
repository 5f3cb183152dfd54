"""What in an object is not as its structural schema has it: types, required fields, enums. Pure.

In: a schema and a value. Out: paths with sentences. Models judge a spec more finely; this is for
all that no model judges, such as metadata and status.
"""

from collections.abc import Iterator
from typing import Any

from federation.api.kind import Json
from federation.api.object_meta import OBJECT_META
from federation.model.errors import shown

MOST = 20
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
}
_CALLED = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
}


def wrong(schema: Json, value: Any, but: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """The path of each field that is wrong, and why; `but`: top fields that others judge.

    Null counts as not written.
    """
    fields = {k: v for k, v in schema.get("properties", {}).items() if k not in but}
    whole = {"type": "object", "properties": {**fields, "metadata": OBJECT_META}}
    found: list[tuple[str, str]] = []
    for one in _wrong(whole, value, ""):
        found.append(one)
        if len(found) == MOST:
            break
    return found


def _wrong(schema: Json, value: Any, path: str) -> Iterator[tuple[str, str]]:
    wanted = schema.get("type")
    if wanted is not None and not _is(value, wanted):
        yield path, f"is {shown(value)}, but must be {_CALLED[wanted]}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield path, f"is {shown(value)}, but must be one of {', '.join(map(str, schema['enum']))}"
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _wrong(schema.get("items", {}), item, f"{path}[{index}]")
    elif isinstance(value, dict):
        yield from _inside(schema, value, path)


def _inside(schema: Json, value: Json, path: str) -> Iterator[tuple[str, str]]:
    known = schema.get("properties", {})
    for name in schema.get("required", ()):
        if value.get(name) is None:
            yield f"{path}.{name}" if path else name, "is missing"
    for name, part in value.items():
        inner = known.get(name, schema.get("additionalProperties"))
        if isinstance(inner, dict) and part is not None:
            yield from _wrong(inner, part, f"{path}.{name}" if path else name)


def _is(value: Any, wanted: str) -> bool:
    if isinstance(value, bool):
        return wanted == "boolean"
    return isinstance(value, _TYPES[wanted])
