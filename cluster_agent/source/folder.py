"""What a folder of YAML files says, as a session: files in, objects and problems out.

A broken file keeps its last good state, whatever is wrong with it, and no other file suffers by it;
an object in two files belongs to the first by name. A change costs what is in the files that
changed, not what is in the folder.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet

from cluster_agent.source.objects import Key, Problem
from cluster_agent.source.parsed import Parsed, called, parse
from federation.api.base import Document

MOST_REMARKS = 100
"""That are told one by one; the rest is counted."""
_EMPTY = Parsed()


class Folder:
    """The objects of all files."""

    def __init__(self) -> None:
        self.objects: dict[Key, Document] = {}
        self._files: dict[str, Parsed] = {}
        self._holders: dict[Key, tuple[str, ...]] = {}
        """The files that have an object, by name: the first one counts."""
        self._twice: set[Key] = set()
        self._remarked: set[str] = set()
        self._broken: dict[str, Problem] = {}
        self._unreadable: dict[str, str] = {}
        self._again: dict[str, str] = {}
        self._problems: tuple[Problem, ...] | None = ()

    def update(self, texts: Mapping[str, str], gone: Iterable[str] = ()) -> set[Key]:
        """Take new texts of files and the names of files that are gone; returns what changed."""
        return self.take({name: parse(name, text) for name, text in texts.items()}, gone)

    def take(self, files: Mapping[str, Parsed], gone: Iterable[str] = ()) -> set[Key]:
        """The same with texts that were parsed before."""
        before: dict[Key, Document | None] = {}
        for name in gone:
            self._set_broken(name, None)
            self._replace(name, None, before)
        for name, found in files.items():
            problem = self._fault_of(name, found)
            self._set_broken(name, problem)
            if problem is None:
                self._replace(name, found, before)
        return {key for key, document in before.items() if self._decide(key, document)}

    def _fault_of(self, name: str, found: Parsed) -> Problem | None:
        """Why the last good state of a file stays.

        A file of ours that becomes another program's was cut off, or has lost a line.
        """
        problem = found.fault
        if problem is None and found.strange and (lost := self._lost(name, found)):
            problem = Problem(
                found.strange[0],
                "this document has not both apiVersion and kind, but the file had "
                f"{called(min(lost))}",
            )
        if problem is None or name not in self._files:
            return problem
        return Problem(problem.where, f"{problem.message}; its last good state stays")

    def _replace(self, name: str, found: Parsed | None, before: dict[Key, Document | None]) -> None:
        """Have a file say something else; `before` keeps what its objects were."""
        old = self._files.pop(name, _EMPTY)
        new = found or _EMPTY
        if found is not None:
            self._files[name] = found
        if old.remarks != new.remarks:
            self._problems = None
            (self._remarked.add if new.remarks else self._remarked.discard)(name)
        for key in old.objects.keys() | new.objects.keys():
            before.setdefault(key, self.objects.get(key))
            others = {holder for holder in self._holders.get(key, ()) if holder != name}
            self._holders[key] = tuple(sorted(others | ({name} if key in new.objects else set())))

    def _decide(self, key: Key, before: Document | None) -> bool:
        """See what an object is now; returns whether it changed."""
        holders = self._holders[key]
        if len(holders) > 1 or key in self._twice:
            self._problems = None
            (self._twice.add if len(holders) > 1 else self._twice.discard)(key)
        if not holders:
            del self._holders[key]
            self.objects.pop(key, None)
            return before is not None
        now = self._files[holders[0]].objects[key][0]
        self.objects[key] = now
        return now is not before and now != before

    def would_shrink(self, name: str, found: Parsed) -> bool:
        """Whether this has fewer objects than the file had; False when it is broken."""
        return found.fault is None and bool(self._lost(name, found))

    def _lost(self, name: str, found: Parsed) -> AbstractSet[Key]:
        return self._files.get(name, _EMPTY).objects.keys() - found.objects.keys()

    @property
    def unread(self) -> tuple[str, ...]:
        """The files that were never read: each is broken and has no last good state.

        Of a sub-folder that cannot be read nobody knows which files it has.
        """
        broken = self._broken.keys() | self._unreadable.keys()
        return tuple(sorted(name for name in broken if name not in self._files))

    def would_be_empty(self, files: Mapping[str, Parsed], gone: AbstractSet[str]) -> bool:
        """Whether taking these would leave no object at all."""
        left = (f for name, f in self._files.items() if name not in gone and name not in files)
        return not any(f.objects for f in left) and not any(
            self._has_objects(name, found) for name, found in files.items()
        )

    def _has_objects(self, name: str, found: Parsed) -> bool:
        """Whether the file then has any; a broken one keeps what it has."""
        if found.fault is None:
            return bool(found.objects)
        return name not in self._files or bool(self._files[name].objects)

    def set_broken(self, name: str, reason: str) -> None:
        """The file is there and cannot be read: it keeps its last good state."""
        self._set_broken(name, Problem(name, reason))

    def _set_broken(self, name: str, problem: Problem | None) -> None:
        if problem == self._broken.get(name):
            return
        self._problems = None
        if problem is None:
            del self._broken[name]
        else:
            self._broken[name] = problem

    def set_unreadable(
        self, entries: Mapping[str, str], again: Mapping[str, str] | None = None
    ) -> None:
        """Entries that cannot even be looked at, with the reason: what they had stays.

        `again`: links to sub-folders that are read already, or are no part of this folder.
        """
        if (entries, again or {}) != (self._unreadable, self._again):
            self._unreadable, self._again = dict(entries), dict(again or {})
            self._problems = None

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What could not be read, and what has no effect, in a stable order."""
        if self._problems is None:
            found = [*self._faults(), *self._repeated(), *self._remarks()]
            self._problems = tuple(sorted(found, key=lambda p: (p.where, p.message)))
        return self._problems

    def _faults(self) -> Iterator[Problem]:
        yield from self._broken.values()
        for name, reason in self._unreadable.items():
            yield Problem(name, f"it cannot be read: {reason}; what it had stays")
        for name, reason in self._again.items():
            yield Problem(name, f"it is passed over: {reason}")

    def _repeated(self) -> Iterator[Problem]:
        for key in self._twice:
            first, *others = (self._files[name].objects[key][1] for name in self._holders[key])
            for where in others:
                yield Problem(where, f"{called(key)} is already in {first}, which counts")

    def _remarks(self) -> Iterator[Problem]:
        found = [r for name in sorted(self._remarked) for r in self._files[name].remarks]
        yield from found[:MOST_REMARKS]
        if len(found) > MOST_REMARKS:
            more = len(found) - MOST_REMARKS
            yield Problem("more", f"and {more} more remarks about documents", is_remark=True)
