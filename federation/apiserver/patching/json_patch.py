"""JSON patch, RFC 6902, within bounds: the library `jsonpatch`, one operation at a time.

In: an object and a list of operations. Out: another object, or InvalidInput with the operation that
cannot be done. A `copy` that doubles what is there would fill the memory in thirty operations: what
operations write is counted before it is written.
"""

from copy import deepcopy
from typing import Any

from jsonpatch import JsonPatch, JsonPatchException, JsonPointer, JsonPointerException

from federation.apiserver.patching.values import Json, is_deep, same, size
from federation.model.errors import InvalidInput, shown

MAX_OPERATIONS = 10_000
"""As in Kubernetes."""

MAX_WRITTEN = 3_000_000
"""Bytes of JSON, about, that all operations of a patch may write together."""

_MEMBERS = {
    "add": ("value",),
    "copy": ("from",),
    "move": ("from",),
    "remove": (),
    "replace": ("value",),
    "test": ("value",),
}


def apply_json_patch(target: Json, patch: Any) -> Json:
    """The object after all operations, or InvalidInput; a failed `test` is an error as well."""
    if not isinstance(patch, list):
        raise InvalidInput("a JSON patch must be a list of operations")
    if len(patch) > MAX_OPERATIONS:
        raise InvalidInput(
            f"a JSON patch has at most {MAX_OPERATIONS} operations, and this has {len(patch)}"
        )
    document: Any = deepcopy(target)
    left = MAX_WRITTEN
    for index, operation in enumerate(patch):
        name = _named(index, operation)
        try:
            left -= _written(document, operation, left)
            if left < 0:
                raise InvalidInput(
                    f"{name}: the patch writes more than {MAX_WRITTEN} bytes altogether"
                )
            document = _after(document, operation)
        except RecursionError:
            raise InvalidInput(f"{name}: what is written is nested too deep") from None
        except (JsonPatchException, JsonPointerException, TypeError) as error:
            raise InvalidInput(f"{name}: {_reason(error)}") from error
    if not isinstance(document, dict):
        raise InvalidInput("a JSON patch must leave an object, and this one leaves something else")
    if is_deep(document):
        raise InvalidInput("a JSON patch must not leave an object that is nested too deep")
    return document


def _named(index: int, operation: Any) -> str:
    """How errors call it; InvalidInput when it is no operation at all."""
    where = f"operation {index} of the JSON patch"
    if not isinstance(operation, dict):
        raise InvalidInput(f"{where} must be an object with op and path")
    op, path = operation.get("op"), operation.get("path")
    if not isinstance(op, str) or op not in _MEMBERS:
        raise InvalidInput(f"{where}: op must be one of {', '.join(_MEMBERS)}, not {shown(op)}")
    if not isinstance(path, str):
        raise InvalidInput(f"{where} ({op}): path must be a string such as '/spec/region'")
    name = f"{where} ({op} {shown(path)})"
    for member in _MEMBERS[op]:
        if member not in operation:
            raise InvalidInput(f"{name}: {member} is missing")
    if not isinstance(operation.get("from", ""), str):
        raise InvalidInput(f"{name}: from must be a string such as '/spec/region'")
    return name


def _written(document: Any, operation: Json, most: int) -> int:
    match operation["op"]:
        case "add" | "replace":
            return size(operation["value"], most)
        case "copy" | "move":
            return size(JsonPointer(operation["from"]).resolve(document), most)
        case _:
            return 0


def _after(document: Any, operation: Json) -> Any:
    if operation["op"] == "test":  # the library's older versions take true for 1
        if not same(JsonPointer(operation["path"]).resolve(document), operation["value"]):
            raise JsonPatchException("another value is there")
        return document
    return JsonPatch([deepcopy(operation)]).apply(document, in_place=True)


def _reason(error: Exception) -> str:
    text = str(error.args[0]) if error.args else ""
    return text[:200].rstrip(".") or "it cannot be done"
