"""Whether a configuration can be applied: types, and keys of the items of its lists.

In: a configuration and the schema. Out: nothing, or InvalidInput that names the place.
"""

from typing import Any

from federation.apiserver.patching.shape import LIST_KEYS, LIST_TYPE, item_name, of_element
from federation.apiserver.patching.values import Json
from federation.model.errors import InvalidInput, shown

_TYPES: dict[str, tuple[type, ...]] = {
    "array": (list,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "object": (dict,),
    "string": (str,),
}


def check_applied(value: Any, schema: Json, path: str = "") -> None:
    """Raises InvalidInput. Null fits everywhere: whether it may stand there is not asked here."""
    if value is None:
        return
    _check_type(value, schema, path or "the configuration")
    if isinstance(value, dict):
        for name, child in value.items():
            check_applied(child, of_element(schema, f"f:{name}")[0], f"{path}.{name}")
    elif isinstance(value, list):
        if schema.get(LIST_TYPE) in ("map", "set"):
            _check_items(value, schema, path)
        for index, item in enumerate(value):
            check_applied(item, schema.get("items", {}), f"{path}[{index}]")


def _check_type(value: Any, schema: Json, path: str) -> None:
    wanted = schema.get("type")
    if wanted not in _TYPES or schema.get("x-kubernetes-int-or-string"):
        return
    if wanted in ("integer", "number") and isinstance(value, bool):
        fits = False
    elif wanted == "integer" and isinstance(value, float):
        fits = value.is_integer()
    else:
        fits = isinstance(value, _TYPES[wanted])
    if not fits:
        raise InvalidInput(f"{path} must be of type {wanted}, not {shown(value)}")


def _check_items(items: list[Any], schema: Json, path: str) -> None:
    seen = set()
    for index, item in enumerate(items):
        name = item_name(item, schema)
        if name is None:
            keys = ", ".join(schema.get(LIST_KEYS, ()))
            raise InvalidInput(f"{path}[{index}] must have {keys}: they tell the items apart")
        if name in seen:
            raise InvalidInput(f"{path}[{index}] is there twice: {shown(name[2:])}")
        seen.add(name)
