"""YAML text becomes plain values, safely: what people and programs wrote into a file.

In: the text of a file and the name to call it by. Out: its documents, each with the number of the
line on which it begins; empty documents are left out. YamlError names file and line.

As in Kubernetes, times stay text and 1:30 is no number, and the escapes of JSON mean what they mean
in JSON. Refused are duplicate keys, types other than plain ones, numbers of more than 64 bits (a
long one Python cannot even print), too much text, too many documents, too deep nesting (libyaml's
composer overflows the stack on it), and aliases that unfold into far more than was written.

What has nothing unusual in it is read in one pass (`federation.runtime.yamlplain`); what is below
is for the rest, and says what is wrong.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from federation.runtime.yamlplain import (
    CORE,
    HIGHEST,
    LOWEST,
    MAX_BITS,
    MAX_DEPTH,
    MAX_DOCUMENTS,
    MAX_NODES,
    read_plain,
    tag_of,
)

MAX_BYTES = 1024 * 1024
_LONGEST_NUMBER = 1000
_JSON_ESCAPE = re.compile(
    r"\\(?:(?P<pair>u[dD][89abAB]..\\u[dD][c-fC-F]..)|(?P<half>u[dD][89a-fA-F]..)|.)"
)

_PLAIN = {CORE + name for name in ("map", "seq", "str", "int", "float", "bool", "null", "merge")}


class YamlError(ValueError):
    """The text is not what we read; `where` is FILE:LINE, `reason` says what is wrong there."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}")
        self.where = where
        self.reason = reason


def load_documents(text: str, name: str) -> list[tuple[int, object]]:
    """The documents in `text` with their first lines, counted from 1; raises YamlError."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise YamlError(name, "this is not text: it has half a surrogate pair") from error
    if size > MAX_BYTES:
        raise YamlError(name, f"the file has {size} bytes, but at most {MAX_BYTES} are read")
    try:
        text = _without_surrogates(text)
        plain = read_plain(text)
        if plain is not None:
            return plain
        _check_shape(text, name)
        return _compose(text, name)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # A text that ends too early is wrong on the line behind its last.
        line = min(mark.line if mark else 0, max(0, len(text.splitlines()) - 1))
        column = mark.column if mark else 0
        raise YamlError(f"{name}:{line + 1}", _reason(error, text, line, column)) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise YamlError(f"{name}:{line}", f"this is not text: {error.reason}") from error


def load_document(text: str, name: str) -> object:
    """The one document in `text`, None when it is empty; raises YamlError."""
    first, *more = load_documents(text, name) or [(1, None)]
    if more:
        raise YamlError(f"{name}:{more[0][0]}", "a second document begins here, but one is read")
    return first[1]


def _without_surrogates(text: str) -> str:
    """JSON may write a character as two escapes, of which YAML knows neither."""
    if "\\ud" not in text.lower():
        return text
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text  # in YAML these would be six characters in places
    return _JSON_ESCAPE.sub(_as_one, text)


def _as_one(escape: re.Match[str]) -> str:
    if escape["pair"]:
        found: str = json.loads(f'"{escape[0]}"')
        return found
    return "\ufffd" if escape["half"] else escape[0]


def _reason(error: yaml.MarkedYAMLError, text: str, line: int, column: int) -> str:
    lines = text.splitlines()
    if line < len(lines) and lines[line][column : column + 1] == "\t":
        return "a tab stands here, but YAML is indented by spaces"
    parts = [part for part in (error.problem, error.context) if part]
    return f"this is not YAML: {' '.join(' '.join(parts).split())} (column {column + 1})"


def _check_shape(text: str, name: str) -> None:
    """Count documents, values and depth on the stream of events, which needs no stack of ours."""
    documents = values = depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.NodeEvent):
            values += 1
            depth += isinstance(event, yaml.CollectionStartEvent)
        if depth > MAX_DEPTH:
            raise _too_much(name, event, f"values are nested deeper than {MAX_DEPTH} levels")
        if documents > MAX_DOCUMENTS:
            raise _too_much(name, event, f"the file has more than {MAX_DOCUMENTS} documents")
        if values > MAX_NODES:
            raise _too_much(name, event, f"the file has more than {MAX_NODES} values")


def _too_much(name: str, event: yaml.Event, reason: str) -> YamlError:
    return YamlError(f"{name}:{_line(event)}", reason)


def _compose(text: str, name: str) -> list[tuple[int, object]]:
    loader = _Loader(text)
    found: list[tuple[int, object]] = []
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is None:
                break
            _Measure(name).measure(node)
            document = _construct(loader, node, name)
            if document is not None:
                found.append((_line(node), document))
    finally:
        loader.dispose()
    return found


def _construct(loader: Any, node: yaml.Node, name: str) -> object:
    try:
        return loader.construct_document(node)
    except _TooLargeError as error:
        raise YamlError(f"{name}:{error.line}", str(error)) from error
    except (ValueError, LookupError) as error:
        # An explicit tag that the text does not fit.
        raise YamlError(f"{name}:{_line(node)}", "a value does not fit its type") from error


def _line(found: yaml.Node | yaml.Event) -> int:
    return found.start_mark.line + 1 if found.start_mark else 1


class _TooLargeError(ValueError):
    def __init__(self, node: yaml.ScalarNode) -> None:
        super().__init__(f"the number {node.value[:20]}... has more than {MAX_BITS} bits")
        self.line = _line(node)


class _Loader(yaml.CSafeLoader):
    """The safe loader without YAML 1.1's times, its `=`, and numbers to the base of 60."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        """The tag of a value, by the library's rules but for those three."""
        return tag_of(super().resolve(kind, value, implicit), value)  # type: ignore[no-untyped-call]


def _whole_number(loader: _Loader, node: yaml.ScalarNode) -> int:
    if len(node.value) > _LONGEST_NUMBER:
        raise _TooLargeError(node)
    number: int = loader.construct_yaml_int(node)
    if not LOWEST <= number <= HIGHEST:
        raise _TooLargeError(node)
    return number


_Loader.add_constructor(CORE + "int", _whole_number)


@dataclass(slots=True)
class _Measure:
    """Walks one document; each node once, as aliases are looked up in `known` (nodes, height).

    An alias can only follow what it stands for, so that the walk is no deeper than the text.
    """

    name: str
    known: dict[int, tuple[int, int]] = field(default_factory=dict)
    open: set[int] = field(default_factory=set)

    def measure(self, node: yaml.Node) -> tuple[int, int]:
        """The nodes and the height of this value; raises YamlError."""
        if id(node) in self.known:
            return self.known[id(node)]
        self._refuse(id(node) in self.open, node, "a value contains itself")
        self._refuse(node.tag not in _PLAIN, node, f"the type {node.tag} is not a plain one")
        self.open.add(id(node))
        inner = [self.measure(child) for child in self._children(node)]
        self.open.discard(id(node))
        nodes = 1 + sum(count for count, _ in inner)
        height = 1 + max((height for _, height in inner), default=0)
        self._refuse(nodes > MAX_NODES, node, f"this is more than {MAX_NODES} values")
        self._refuse(height > MAX_DEPTH, node, f"values are nested deeper than {MAX_DEPTH} levels")
        self.known[id(node)] = (nodes, height)
        return nodes, height

    def _children(self, node: yaml.Node) -> list[yaml.Node]:
        if isinstance(node, yaml.MappingNode):
            self._check_keys(node)
            return [part for pair in node.value for part in pair]
        return list(node.value) if isinstance(node, yaml.SequenceNode) else []

    def _check_keys(self, node: yaml.MappingNode) -> None:
        seen: set[str] = set()
        for key, _ in node.value:
            self._refuse(not isinstance(key, yaml.ScalarNode), key, "a key must be a single text")
            self._refuse(key.value in seen, key, f"the key {key.value[:80]!r} is here twice")
            seen.add(key.value)

    def _refuse(self, wrong: bool, node: yaml.Node, reason: str) -> None:
        if wrong:
            raise YamlError(f"{self.name}:{_line(node)}", reason)
