"""YAML as almost everybody writes it, in one pass: values without anchors, aliases and types.

In: text that is not too long. Out: its documents with their first lines, or None when anything in
it is unusual or wrong; then `federation.runtime.yamldocs`, which alone uses this, reads it with
care and says what. What is read here has the same values as there, for a fifth of the time: a
folder may have thousands of such files.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import yaml
from yaml._yaml import CParser
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

MAX_DOCUMENTS = 1000
MAX_DEPTH = 64
MAX_NODES = 200_000
"""Values in one file, and in one document with each alias counted as what it stands for."""

MAX_BITS = 64
LOWEST, HIGHEST = -(2 ** (MAX_BITS - 1)), 2**MAX_BITS - 1
CORE = "tag:yaml.org,2002:"

_REMEMBERED, _LONGEST_REMEMBERED = 4096, 40
"""Scalars whose meaning is known: most are written again and again."""
_LONGEST_INT = 20
_RESOLVER = Resolver()
_CONSTRUCTOR = SafeConstructor()
_CONSTRUCT: dict[str, Callable[[yaml.ScalarNode], object]] = {
    CORE + "int": _CONSTRUCTOR.construct_yaml_int,
    CORE + "float": _CONSTRUCTOR.construct_yaml_float,
    CORE + "bool": _CONSTRUCTOR.construct_yaml_bool,
    CORE + "null": _CONSTRUCTOR.construct_yaml_null,
}
_NO_KEY: Any = object()


class _UnusualError(ValueError):
    """Something that is not read here."""


def tag_of(tag: Any, text: Any) -> Any:
    """What the library takes a scalar for, but for YAML 1.1's times, its `=`, and base 60."""
    if tag in (CORE + "value", CORE + "timestamp"):
        return CORE + "str"
    is_sexagesimal = tag in (CORE + "int", CORE + "float") and ":" in text
    return CORE + "str" if is_sexagesimal else tag


def read_plain(text: str) -> list[tuple[int, object]] | None:
    """The documents in `text` with their first lines; None when that takes more care."""
    try:
        return _read(text)
    except (ValueError, LookupError, yaml.YAMLError):
        return None


def _read(text: str) -> list[tuple[int, object]]:  # noqa: C901, PLR0912 - calls would cost half
    """Build values out of the parser's events; the stack is ours and bounded."""
    next_event = CParser(text).get_event
    found: list[tuple[int, object]] = []
    outer: list[tuple[Any, Any]] = []
    inside, key = None, _NO_KEY
    nodes = documents = 0
    while True:
        event: Any = next_event()
        kind = type(event)
        if kind is yaml.ScalarEvent:
            value: Any = event.value
            if event.implicit[0]:
                known = len(value) <= _LONGEST_REMEMBERED
                value = _remembered(value) if known else _meant(value)
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            inside, key = outer.pop()
            continue
        elif kind is yaml.MappingStartEvent:
            value = {}
        elif kind is yaml.SequenceStartEvent:
            value = []
        elif kind is yaml.StreamEndEvent:
            return found
        elif kind is yaml.AliasEvent:
            raise _UnusualError
        else:
            documents += kind is yaml.DocumentStartEvent
            continue
        nodes += 1
        _check(event, nodes, documents, len(outer) + 1)
        if type(inside) is list:
            inside.append(value)
        elif inside is None:
            if value is not None:
                found.append((event.start_mark.line + 1, value))
        elif key is not _NO_KEY:
            inside[key], key = value, _NO_KEY
        elif type(value) is str and value not in inside:
            key = value
        else:
            raise _UnusualError
        if kind is not yaml.ScalarEvent:
            outer.append((inside, key))
            inside, key = value, _NO_KEY


def _check(event: Any, nodes: int, documents: int, depth: int) -> None:
    """Raise _UnusualError for what is not read here."""
    if event.tag is not None or event.anchor is not None:
        raise _UnusualError
    if nodes > MAX_NODES or documents > MAX_DOCUMENTS or depth > MAX_DEPTH:
        raise _UnusualError


def _meant(text: str) -> object:
    """What a text without quotes means."""
    found = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    tag = tag_of(found, text)
    if tag == CORE + "str":
        return text
    if tag not in _CONSTRUCT or (tag == CORE + "int" and len(text) > _LONGEST_INT):
        raise _UnusualError
    value = _CONSTRUCT[tag](yaml.ScalarNode(tag, text))
    if type(value) is int and not LOWEST <= value <= HIGHEST:
        raise _UnusualError
    return value


_remembered = lru_cache(_REMEMBERED)(_meant)
