"""The body of a request as JSON values, whatever it is written in; bounded, and strict on demand.

In: bytes and their media type. Out: values, and the keys that were written twice (the last one
counts, as in Kubernetes, and strict validation refuses them). Raises StatusError.
"""

import json
from math import isfinite
from typing import Any

from federation.apiserver.patching.values import MAX_DEPTH, is_deep
from federation.apiserver.protobuf import MEDIA_TYPE as PROTOBUF
from federation.apiserver.protobuf import read_protobuf
from federation.apiserver.statuses import StatusError, bad_request
from federation.runtime.yamldocs import YamlError, load_document
from federation.runtime.yamlplain import HIGHEST, LOWEST, MAX_BITS

Json = dict[str, Any]

JSON_TYPES = ("application/json", "")
YAML_TYPES = ("application/yaml", "application/x-yaml", "text/yaml")
_MOST_NAMED = 10
_MOST_DIGITS = 20


def read_body(data: bytes, media_type: str) -> tuple[Any, tuple[str, ...]]:
    """The values of a body, and the keys that occur twice."""
    kind = media_type.partition(";")[0].strip().lower()
    if kind == PROTOBUF:
        return read_protobuf(data), ()
    if kind in YAML_TYPES:
        return read_yaml(data), ()
    if kind in JSON_TYPES or kind.endswith("+json"):
        return read_json(data)
    raise StatusError(
        415,
        f"the body of the request was in an unknown format - accepted media types include: "
        f"{JSON_TYPES[0]}, {YAML_TYPES[0]}, {PROTOBUF}",
    )


def read_json(data: bytes) -> tuple[Any, tuple[str, ...]]:
    """JSON; raises StatusError (400) for what is none, or is nested too deep."""
    twice: list[str] = []

    def pairs(found: list[tuple[str, Any]]) -> Json:
        made = dict(found)
        if len(made) < len(found) and len(twice) < _MOST_NAMED:
            seen: set[str] = set()
            for key, _ in found:
                if key in seen:
                    twice.append(key)
                seen.add(key)
        return made

    try:
        text = data.decode()
        value = json.loads(
            text,
            object_pairs_hook=pairs,
            parse_constant=_no_number,
            parse_float=_number,
            parse_int=_whole_number,
        )
    except (ValueError, RecursionError) as error:
        raise bad_request(f"the body of the request is not JSON: {str(error)[:200]}") from error
    check_depth(value)
    if "\\ud" in text.lower():
        _check_text(value)
    return value, tuple(twice[:_MOST_NAMED])


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")


def _number(text: str) -> float:
    found = float(text)
    if not isfinite(found):
        raise ValueError(f"the number {text[:20]} is too large")
    return found


def _whole_number(text: str) -> int:
    if len(text) > _MOST_DIGITS or not LOWEST <= (found := int(text)) <= HIGHEST:
        raise ValueError(f"the number {text[:20]}... has more than {MAX_BITS} bits")
    return found


def _check_text(value: object) -> None:
    """Raises StatusError (400) for half a character, which JSON can say and no text can have."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise bad_request(
            "the body of the request is not text: it has half a surrogate pair"
        ) from error


def read_yaml(data: bytes) -> Any:
    """YAML of one document, which JSON is, too; raises StatusError (400).

    Its values are those that JSON has: a key that is a number is text, and no number is infinite.
    """
    if data.lstrip()[:1] in (b"{", b"["):
        return read_json(data)[0]
    try:
        value = load_document(data.decode(), "the body of the request")
    except (YamlError, UnicodeDecodeError, RecursionError) as error:
        raise bad_request(f"the body of the request is not YAML: {str(error)[:200]}") from error
    return read_json(json.dumps(value).encode())[0]


def check_depth(value: object) -> None:
    """Raises StatusError (400), before anybody walks it who calls himself for each level."""
    if is_deep(value):
        raise bad_request(f"the body of the request is nested deeper than {MAX_DEPTH} levels")


def object_of(value: Any) -> Json:
    """The value, which must be an object; raises StatusError (400)."""
    if not isinstance(value, dict):
        raise bad_request("the body of the request must be an object")
    return value
