"""What a folder of YAML files says, as a session: texts in, objects and problems out.

A broken file keeps its last good state, whatever is wrong with it, and no other file suffers by it;
an object in two files belongs to the first by name. Documents without apiVersion and kind are other
programs' (kustomization.yaml, values.yaml) and passed over.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from cluster_agent.source.objects import Key, Problem
from federation.api.base import Document
from federation.api.parse import half_said, is_kubernetes, parse_document, unfold
from federation.model.errors import InvalidInput
from federation.runtime.escapes import visible
from federation.runtime.yamldocs import YamlError, load_documents

MOST_REMARKS = 100
"""That are told one by one; the rest is counted."""
_LONGEST_REASON = 200


@dataclass(frozen=True, slots=True)
class _File:
    """The objects of one file, each with `file:line`, and where documents of others begin."""

    objects: dict[Key, tuple[Document, str]] = field(default_factory=dict)
    strange: list[str] = field(default_factory=list)
    remarks: list[Problem] = field(default_factory=list)


class Folder:
    """The objects of all files."""

    def __init__(self) -> None:
        self.objects: dict[Key, Document] = {}
        self.problems: tuple[Problem, ...] = ()
        self._files: dict[str, _File] = {}
        self._broken: dict[str, Problem] = {}
        self._unreadable: dict[str, str] = {}
        self._again: dict[str, str] = {}

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
            return bool(self._lost(name, _parse(name, text)))
        except InvalidInput:
            return False

    def _lost(self, name: str, found: _File) -> list[Key]:
        before = self._files.get(name, _File())
        return sorted(before.objects.keys() - found.objects.keys())

    @property
    def unread(self) -> tuple[str, ...]:
        """The files that were never read: each is broken and has no last good state.

        Of a sub-folder that cannot be read nobody knows which files it has.
        """
        broken = self._broken.keys() | self._unreadable.keys()
        return tuple(sorted(broken - self._files.keys()))

    def would_be_empty(self, texts: Mapping[str, str], gone: AbstractSet[str]) -> bool:
        """Whether taking these would leave no object at all."""
        left = self._files.keys() - gone - texts.keys()
        return not any(self._files[name].objects for name in left) and not any(
            self._has_objects(name, text) for name, text in texts.items()
        )

    def _has_objects(self, name: str, text: str) -> bool:
        """Whether the file has any with this text; a broken one keeps what it has."""
        try:
            return bool(_parse(name, text).objects)
        except InvalidInput:
            return name not in self._files or bool(self._files[name].objects)

    def set_broken(self, name: str, reason: str) -> None:
        """The file is there and cannot be read: it keeps its last good state."""
        self._broken[name] = Problem(name, reason)
        self._show()

    def set_unreadable(
        self, entries: Mapping[str, str], again: Mapping[str, str] | None = None
    ) -> None:
        """Entries that cannot even be looked at, with the reason: what they had stays.

        `again`: links to sub-folders that are read already, or are no part of this folder.
        """
        if (entries, again or {}) != (self._unreadable, self._again):
            self._unreadable, self._again = dict(entries), dict(again or {})
            self._show()

    def _take(self, name: str, text: str) -> None:
        try:
            found = _parse(name, text)
            self._refuse_strange(name, found)
            self._files[name] = found
        except InvalidInput as error:
            where, _, message = str(error).partition(": ")
            kept = "; its last good state stays" if name in self._files else ""
            self._broken[name] = Problem(where, f"{message}{kept}")
        else:
            self._broken.pop(name, None)

    def _refuse_strange(self, name: str, found: _File) -> None:
        """A file of ours that becomes another program's was cut off, or has lost a line."""
        lost = self._lost(name, found)
        if lost and found.strange:
            raise InvalidInput(
                f"{found.strange[0]}: this document has not both apiVersion and kind, but the file "
                f"had {_called(lost[0])}"
            )

    def _show(self) -> set[Key]:
        objects: dict[Key, Document] = {}
        places: dict[Key, str] = {}
        twice: list[Problem] = []
        for name in sorted(self._files):
            for key, (document, where) in self._files[name].objects.items():
                if key in objects:
                    message = f"{_called(key)} is already in {places[key]}, which counts"
                    twice.append(Problem(where, message))
                    continue
                objects[key], places[key] = document, where
        changed = {k for k in objects.keys() | self.objects.keys() if _differ(k, objects, self)}
        self.objects = objects
        problems = [*self._faults(), *twice, *self._remarks()]
        self.problems = tuple(sorted(problems, key=lambda p: (p.where, p.message)))
        return changed

    def _faults(self) -> Iterator[Problem]:
        yield from self._broken.values()
        for name, reason in self._unreadable.items():
            yield Problem(name, f"it cannot be read: {reason}; what it had stays")
        for name, reason in self._again.items():
            yield Problem(name, f"it is passed over: {reason}")

    def _remarks(self) -> Iterator[Problem]:
        found = [r for name in sorted(self._files) for r in self._files[name].remarks]
        yield from found[:MOST_REMARKS]
        if len(found) > MOST_REMARKS:
            more = len(found) - MOST_REMARKS
            yield Problem("more", f"and {more} more remarks about documents", is_remark=True)


def _differ(key: Key, objects: dict[Key, Document], before: Folder) -> bool:
    return objects.get(key) != before.objects.get(key)


def _parse(name: str, text: str) -> _File:
    """What a text says; raises InvalidInput, of whatever kind its fault is."""
    try:
        return _read(name, text)
    except InvalidInput:
        raise
    except YamlError as error:
        raise InvalidInput(str(error)) from error
    except Exception as error:
        reason = visible(f"{type(error).__name__}: {error}")[:_LONGEST_REASON]
        raise InvalidInput(f"{name}: the file cannot be read ({reason})") from error


def _read(name: str, text: str) -> _File:
    found = _File()
    for line, whole in load_documents(text, name):
        where = f"{name}:{line}"
        for document in unfold(whole, where):
            parsed = parse_document(document, where)
            if parsed is None or not isinstance(document, dict):
                if not is_kubernetes(document):
                    found.strange.append(where)
                said = half_said(document)
                found.remarks.extend(Problem(where, text, is_remark=True) for text in said)
                continue
            key = Key(str(document["kind"]), parsed.namespace, parsed.name)
            if key in found.objects:
                raise InvalidInput(f"{where}: {_called(key)} is already in {found.objects[key][1]}")
            found.objects[key] = (parsed, where)
            for remark in parsed.remarks:
                found.remarks.append(Problem(where, f"{_called(key)}: {remark}", is_remark=True))
    return found


def _called(key: Key) -> str:
    return f"{key.kind} {key.namespace}/{key.name}"
