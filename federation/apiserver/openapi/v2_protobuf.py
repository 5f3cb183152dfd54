"""The document of OpenAPI 2.0 in the protobuf encoding that kubectl and Argo CD read.

In: the document as JSON. Out: bytes. Field numbers are those of OpenAPIv2.proto of gnostic. Of the
paths only PATCH is there with its parameters: from these, clients learn whether dry runs and
validation of fields are supported.
"""

import json
import struct
from collections.abc import Callable, Iterable
from typing import Any

from federation.api.kind import Json

ACCEPTED = (
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
)
"""The media types by which it is asked for."""
MEDIA = ACCEPTED[1]
"""The one by which it is answered: with an @ it is none, and kubectl 1.28 fails on it."""

_BYTES, _VARINT, _DOUBLE = 2, 0, 1
_MORE, _SEVEN = 0x80, 0x7F

_TEXTS = {"$ref": 1, "format": 2, "title": 3, "description": 4, "pattern": 13}
_DOUBLES = {"multipleOf": 6, "maximum": 7, "minimum": 9}
_FLAGS = {"exclusiveMaximum": 8, "exclusiveMinimum": 10, "uniqueItems": 16}
_COUNTS = {
    "maxLength": 11,
    "minLength": 12,
    "maxItems": 14,
    "minItems": 15,
    "maxProperties": 17,
    "minProperties": 18,
}
_DEFAULT, _REQUIRED, _ENUM, _ADDITIONAL, _TYPE, _ITEMS, _PROPERTIES, _EXTENSION = (
    *(5, 19, 20, 21),
    *(22, 23, 25, 31),
)
_OF_OPERATION = 13
"""The number of the extensions of an operation."""


def encode(document: Json) -> bytes:
    """The document in the protobuf encoding."""
    info = _text(1, document["info"]["title"]) + _text(2, document["info"]["version"])
    return b"".join(
        (
            _text(1, document["swagger"]),
            _bytes(2, info),
            _bytes(8, b"".join(_paths(document["paths"]))),
            _bytes(9, _named_schemas(document["definitions"])),
        )
    )


def _paths(paths: Json) -> Iterable[bytes]:
    for path, item in paths.items():
        patch = _bytes(8, _operation(item["patch"])) if "patch" in item else b""
        yield _bytes(2, _named(path, patch))


def _operation(found: Json) -> bytes:
    parameters = b"".join(
        _bytes(8, _bytes(1, _bytes(2, _bytes(3, _query(p)))))  # item, parameter, not in the body
        for p in found["parameters"]
        if p["in"] == "query"
    )
    return _text(5, found["operationId"]) + parameters + _extensions(found, _OF_OPERATION)


def _query(parameter: Json) -> bytes:
    return b"".join(
        (
            _text(2, "query"),
            _text(3, parameter.get("description", "")),
            _text(4, parameter["name"]),
            _text(6, parameter["type"]),
        )
    )


def _schema(schema: Json) -> bytes:
    return b"".join(
        _WORDS[word](value) for word, value in schema.items() if word in _WORDS
    ) + _extensions(schema, _EXTENSION)


def _extensions(found: Json, number: int) -> bytes:
    return b"".join(
        _bytes(number, _named(word, _any(value)))
        for word, value in found.items()
        if word.startswith("x-")
    )


def _named_schemas(schemas: Json) -> bytes:
    return b"".join(_bytes(1, _named(name, _schema(inner))) for name, inner in schemas.items())


def _additional(value: Any) -> bytes:
    return _bytes(1, _schema(value)) if isinstance(value, dict) else _number(2, int(value))


def _named(name: str, value: bytes) -> bytes:
    return _text(1, name) + _bytes(2, value)


def _any(value: Any) -> bytes:
    """A value as YAML, of which JSON is a part."""
    return _text(2, json.dumps(value))


def _text(number: int, text: str) -> bytes:
    return _bytes(number, text.encode())


def _bytes(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(data)) + data


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3 | _VARINT) + _varint(value)


def _double(number: int, value: float) -> bytes:
    return _varint(number << 3 | _DOUBLE) + struct.pack("<d", value)


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > _SEVEN:
        found.append(value & _SEVEN | _MORE)
        value >>= 7
    found.append(value)
    return bytes(found)


def _word(write: Callable[[int, Any], bytes], number: int) -> Callable[[Any], bytes]:
    return lambda value: write(number, value)


_WORDS: dict[str, Callable[[Any], bytes]] = {
    **{word: _word(_text, number) for word, number in _TEXTS.items()},
    **{word: _word(_double, number) for word, number in _DOUBLES.items()},
    **{word: _word(_number, number) for word, number in (_FLAGS | _COUNTS).items()},
    "default": lambda value: _bytes(_DEFAULT, _any(value)),
    "required": lambda names: b"".join(_text(_REQUIRED, name) for name in names),
    "enum": lambda values: b"".join(_bytes(_ENUM, _any(value)) for value in values),
    "additionalProperties": lambda value: _bytes(_ADDITIONAL, _additional(value)),
    "type": lambda value: _bytes(_TYPE, _text(1, value)),
    "items": lambda value: _bytes(_ITEMS, _bytes(1, _schema(value))),
    "properties": lambda value: _bytes(_PROPERTIES, _named_schemas(value)),
}
