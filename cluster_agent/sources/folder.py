"""What a folder of YAML files says, as a session: texts in, objects and problems out.

A broken file keeps its last good state; an object in two files belongs to the first by name.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from cluster_agent.sources.source import Key, Problem
from federation.model.errors import InvalidInput
from federation.resources.base import Document
from federation.resources.parse import parse_document, unfold
from federation.runtime.yamldocs import YamlError, load_documents

Parsed = dict[Key, tuple[Document, str]]
"""The objects of one file, each with `file:line`."""


class Folder:
    """The objects of all files."""

    def __init__(self) -> None:
        self.objects: dict[Key, Document] = {}
        self.problems: tuple[Problem, ...] = ()
        self._files: dict[str, Parsed] = {}
        self._broken: dict[str, Problem] = {}

    def update(self, texts: Mapping[str, str], gone: Iterable[str] = ()) -> set[Key]:
        """Take new texts of files and the names of files that are gone; returns what changed."""
        for name in gone:
            self._files.pop(name, None)
            self._broken.pop(name, None)
        for name, text in texts.items():
            self._take(name, text)
        return self._show()

    def would_shrink(self, name: str, text: str) -> bool:
        """Whether this text has fewer objects than the file had; False when it is broken."""
        try:
            return bool(self._files.get(name, {}).keys() - _parse(name, text).keys())
        except (YamlError, InvalidInput):
            return False

    @property
    def unread(self) -> tuple[str, ...]:
        """The files that were never read: each is broken and has no last good state."""
        return tuple(sorted(self._broken.keys() - self._files.keys()))

    def would_be_empty(self, texts: Mapping[str, str], gone: AbstractSet[str]) -> bool:
        """Whether taking these would leave no object at all."""
        left = self._files.keys() - gone - texts.keys()
        return not any(self._files[name] for name in left) and not any(
            self._has_objects(name, text) for name, text in texts.items()
        )

    def _has_objects(self, name: str, text: str) -> bool:
        """Whether the file has any with this text; a broken one keeps what it has."""
        try:
            return bool(_parse(name, text))
        except (YamlError, InvalidInput):
            return bool(self._files.get(name, True))

    def set_broken(self, name: str, reason: str) -> None:
        """The file is there and cannot be read: it keeps its last good state."""
        self._broken[name] = Problem(name, reason)
        self._show()

    def _take(self, name: str, text: str) -> None:
        try:
            self._files[name] = _parse(name, text)
        except (YamlError, InvalidInput) as error:
            where, _, message = str(error).partition(": ")
            kept = "; its last good state stays" if name in self._files else ""
            self._broken[name] = Problem(where, f"{message}{kept}")
        else:
            self._broken.pop(name, None)

    def _show(self) -> set[Key]:
        objects: dict[Key, Document] = {}
        places: dict[Key, str] = {}
        problems = list(self._broken.values())
        for name in sorted(self._files):
            for key, (document, where) in self._files[name].items():
                if key in objects:
                    message = f"{_called(key)} is already in {places[key]}, which counts"
                    problems.append(Problem(where, message))
                    continue
                objects[key], places[key] = document, where
        changed = {k for k in objects.keys() | self.objects.keys() if _differ(k, objects, self)}
        self.objects = objects
        self.problems = tuple(sorted(problems, key=lambda p: (p.where, p.message)))
        return changed


def _differ(key: Key, objects: dict[Key, Document], before: Folder) -> bool:
    return objects.get(key) != before.objects.get(key)


def _parse(name: str, text: str) -> Parsed:
    found: Parsed = {}
    placed = ((line, item) for line, whole in load_documents(text, name) for item in unfold(whole))
    for line, document in placed:
        where = f"{name}:{line}"
        parsed = parse_document(document, where)
        if parsed is None:
            continue
        kind = str(document["kind"]) if isinstance(document, dict) else ""
        key = Key(kind, parsed.namespace, parsed.name)
        if key in found:
            raise InvalidInput(f"{where}: {_called(key)} is already in {found[key][1]}")
        found[key] = (parsed, where)
    return found


def _called(key: Key) -> str:
    return f"{key.kind} {key.namespace}/{key.name}"
