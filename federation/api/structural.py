"""The structural schema (OpenAPI v3, as in a CustomResourceDefinition) of a pydantic model.

In: a model. Out: its schema without references, titles and alternatives, in words that kubectl and
an API server know. What they have no words for is left out, and judged by the model alone.
"""

from copy import deepcopy
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from federation.api.base import fields
from federation.api.kind import Json

KEEPS_UNKNOWN = "x-kubernetes-preserve-unknown-fields"
INT_OR_STRING = "x-kubernetes-int-or-string"
LIST_TYPE = "x-kubernetes-list-type"

_KEPT = fields(
    "type format description default enum pattern minLength maxLength minimum maximum multipleOf "
    "exclusiveMinimum exclusiveMaximum minItems maxItems minProperties maxProperties required "
    "nullable"
)
_NULL = {"type": "null"}
_SCALARS = {str: "string", bool: "boolean", int: "integer", float: "number"}


class _Generator(GenerateJsonSchema):
    """A default that is a model is what it says beyond the defaults of its own fields."""

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, BaseModel):
            return dft.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return super().encode_default(dft)


def structural(model: type[BaseModel]) -> Json:
    """The structural schema of what `model` reads.

    Raises ValueError for what has none: a model within itself, tuples of several types.
    """
    found = model.model_json_schema(by_alias=True, schema_generator=_Generator)
    return _Walk(found.get("$defs", {})).schema(found, ())


class _Walk:
    """One model's schema; `within` are the names of the definitions that are being inlined."""

    def __init__(self, definitions: Json) -> None:
        self._definitions = definitions

    def schema(self, node: Json, within: tuple[str, ...]) -> Json:
        node, within = self._inlined(node, within)
        options = node.get("anyOf") or node.get("oneOf") or []
        if options:
            return self._one_of([o for o in options if o != _NULL], node, within)
        found = {k: deepcopy(v) for k, v in node.items() if k in _KEPT or k.startswith("x-kube")}
        _bounds(found)
        _text(found)
        if "const" in node:
            found["enum"] = [node["const"]]
        if "enum" in found and "type" not in found:
            found["type"] = _SCALARS[type(found["enum"][0])]
        if found.get("type") == "array":
            found |= self._array(node, within)
        elif found.get("type") == "object":
            found |= self._object(node, within)
        elif "type" not in found and INT_OR_STRING not in found:
            found[KEEPS_UNKNOWN] = True
        return found

    def _inlined(self, node: Json, within: tuple[str, ...]) -> tuple[Json, tuple[str, ...]]:
        while ref := node.get("$ref") or _only_one(node):
            name = ref.rpartition("/")[2]
            if name in within:
                raise ValueError(f"{name} is part of itself: it has no structural schema")
            within = (*within, name)
            beside = {k: v for k, v in node.items() if k not in ("$ref", "allOf")}
            node = {**self._definitions[name], **beside}
        return node, within

    def _one_of(self, options: list[Json], node: Json, within: tuple[str, ...]) -> Json:
        beside = {k: v for k, v in node.items() if k in ("description", "default")}
        if beside.get("default", ...) is None:
            del beside["default"]
        found = [self.schema(option, within) for option in options]
        types = {option.get("type") for option in found}
        if len(found) == 1:
            merged = found[0]
        elif types == {"integer", "string"}:
            merged = {INT_OR_STRING: True, "anyOf": [{"type": "integer"}, {"type": "string"}]}
        elif types == {"object"}:
            merged = _merged(found)
        elif len(types) == 1 and types < set(_SCALARS.values()):
            merged = {"type": found[0]["type"]}
        else:
            raise ValueError(
                f"there is no structural schema of either of {sorted(map(str, types))}"
            )
        merged |= beside
        _text(merged)
        return merged

    def _array(self, node: Json, within: tuple[str, ...]) -> Json:
        if "items" not in node or "prefixItems" in node:
            raise ValueError("a list must have items of one type to have a structural schema")
        found = {"items": self.schema(node["items"], within)}
        return found | ({LIST_TYPE: "set"} if node.get("uniqueItems") else {})

    def _object(self, node: Json, within: tuple[str, ...]) -> Json:
        known = node.get("properties", {})
        if known:
            found = {name: self.schema(field, within) for name, field in known.items()}
            required = node.get("required", [])
            for name, field in found.items():
                if name not in required and not _may_be_null(known[name]):
                    let_default(field)
            keeps = {KEEPS_UNKNOWN: True} if node.get("additionalProperties") is True else {}
            return {"properties": found, **keeps}
        values = node.get("additionalProperties") or next(
            iter(node.get("patternProperties", {}).values()), False
        )
        if isinstance(values, dict) and values:
            return {"additionalProperties": self.schema(values, within)}
        return {} if values is False else {KEEPS_UNKNOWN: True}


def let_default(schema: Json) -> None:
    """Let an object be made where it is missing, if fields of it have defaults and none is needed.

    Defaults of fields count within an object that is there.
    """
    has_any = any("default" in field for field in schema.get("properties", {}).values())
    if has_any and not schema.get("required") and "default" not in schema:
        schema["default"] = {}


def _only_one(node: Json) -> str | None:
    inner = node.get("allOf", [])
    return inner[0].get("$ref") if len(inner) == 1 else None


def _may_be_null(field: Json) -> bool:
    return _NULL in field.get("anyOf", [])


def _merged(options: list[Json]) -> Json:
    """One object that has the fields of all, of which those are required that all require."""
    found: Json = {}
    for option in options:
        for name, field in option.get("properties", {}).items():
            known = found.get(name)
            if known is not None and "enum" in known and "enum" in field:
                more = [value for value in field["enum"] if value not in known["enum"]]
                found[name] = {**known, "enum": [*known["enum"], *more]}
            elif known is None:
                found[name] = field
    required = [
        name for name in found if all(name in option.get("required", []) for option in options)
    ]
    return {"type": "object", "properties": found} | ({"required": required} if required else {})


def _bounds(schema: Json) -> None:
    """Numbers that are not in the range any more, as OpenAPI 3.0 says them."""
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if exclusive in schema:
            schema[bound], schema[exclusive] = schema[exclusive], True


def _text(schema: Json) -> None:
    """Lines of a docstring are joined, paragraphs stay.

    A default that is empty says nothing: to leave a field out means the same, and an object comes
    back as it was sent.
    """
    if "description" in schema:
        parts = schema["description"].split("\n\n")
        schema["description"] = "\n\n".join(" ".join(part.split()) for part in parts)
    if "default" in schema:
        if not schema["default"] and schema["default"] != {}:
            del schema["default"]
        else:
            schema["default"] = _without_nulls(schema["default"])


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    return [_without_nulls(v) for v in value] if isinstance(value, list) else value
