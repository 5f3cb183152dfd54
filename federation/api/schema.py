"""The schema of a whole object, and what it says of one: defaults, unknown fields.

In: models of spec and status; a structural schema and a document. Out: a schema; new documents, and
the paths of fields. Whether values are right is judged by the models.
"""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from federation.api.kind import Json
from federation.api.object_meta import OBJECT_META
from federation.api.structural import KEEPS_UNKNOWN, let_default, structural

_HEAD: Json = {
    "apiVersion": {
        "type": "string",
        "description": "APIVersion defines the versioned schema of this representation of an "
        "object. Servers should convert recognized schemas to the latest internal value, and may "
        "reject unrecognized values. More info: https://git.k8s.io/community/contributors/devel/"
        "sig-architecture/api-conventions.md#resources",
    },
    "kind": {
        "type": "string",
        "description": "Kind is a string value representing the REST resource this object "
        "represents. Servers may infer this from the endpoint the client submits requests to. "
        "Cannot be updated. In CamelCase. More info: https://git.k8s.io/community/contributors/"
        "devel/sig-architecture/api-conventions.md#types-kinds",
    },
    "metadata": {"type": "object"},
}


def object_schema(
    description: str,
    spec: type[BaseModel] | None = None,
    status: type[BaseModel] | None = None,
    *,
    spec_required: bool = True,
) -> Json:
    """The structural schema of an object with these models; without one, it has no such field.

    A spec that is not required is made of its defaults, if it can be.
    """
    found: Json = {"type": "object", "description": description, "properties": {**_HEAD}}
    if spec is not None:
        found["properties"]["spec"] = inner = structural(spec)
        if spec_required:
            found["required"] = ["spec"]
        else:
            let_default(inner)
    if status is not None:
        found["properties"]["status"] = structural(status)
    return found


def defaults(schema: Json, value: Any) -> Any:
    """`value` with the defaults of fields that are missing or null; a new value.

    As in Kubernetes, a null is no value, unless the schema says `nullable`.
    """
    if isinstance(value, list):
        items = schema.get("items", {})
        return [defaults(items, item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for name, part in value.items():
        inner = _field(schema, name)
        if part is not None or inner is None or inner.get("nullable"):
            found[name] = defaults(inner or {}, part)
    for name, inner in schema.get("properties", {}).items():
        if name not in found and "default" in inner:
            found[name] = defaults(inner, inner["default"])
    return found


def unknown_fields(schema: Json, value: Any) -> list[str]:
    """The paths of fields in an object that its schema does not know, as `spec.order[0].foo`."""
    return list(_unknown(_with_metadata(schema), value, ""))


def prune(schema: Json, value: Any) -> Any:
    """An object without fields that its schema does not know, and without null where that is not
    allowed, which counts as not written (as in a CRD); a new value.
    """
    return _pruned(_with_metadata(schema), value)


def _unknown(schema: Json, value: Any, path: str) -> Iterator[str]:
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield from _unknown(schema.get("items", _ANYTHING), item, f"{path}[{i}]")
    elif isinstance(value, dict):
        for name, part in value.items():
            below = f"{path}.{name}" if path else name
            inner = _field(schema, name)
            if inner is None:
                yield below
            else:
                yield from _unknown(inner, part, below)


def _pruned(schema: Json, value: Any) -> Any:
    if isinstance(value, list):
        return [_pruned(schema.get("items", _ANYTHING), item) for item in value]
    if not isinstance(value, dict):
        return value
    fields = ((name, part, _field(schema, name)) for name, part in value.items())
    return {
        name: _pruned(inner, part)
        for name, part, inner in fields
        if inner is not None and (part is not None or _may_be_null(inner))
    }


def _may_be_null(schema: Json) -> bool:
    return bool(schema.get("nullable") or schema.get(KEEPS_UNKNOWN))


_ANYTHING: Json = {KEEPS_UNKNOWN: True}


def _field(schema: Json, name: str) -> Json | None:
    """The schema of a field; None where there is no such field."""
    fields: Json = schema.get("properties", {})
    if name in fields:
        known: Json = fields[name]
        return known
    others = schema.get("additionalProperties")
    if isinstance(others, dict):
        return others
    return _ANYTHING if schema.get(KEEPS_UNKNOWN) else None


def _with_metadata(schema: Json) -> Json:
    fields = schema.get("properties", {})
    if "metadata" not in fields or "properties" in fields["metadata"]:
        return schema
    return {**schema, "properties": {**fields, "metadata": OBJECT_META}}
