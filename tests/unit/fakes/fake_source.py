"""A cluster's objects given as texts, and the conditions that were written back."""

from collections.abc import Callable, Iterable, Mapping

from cluster_agent.sources.folder import Folder
from cluster_agent.sources.source import Condition, Key, Objects, Problem


class FakeSource:
    """See `cluster_agent.sources.source.Source`; a test writes files and says when it is synced."""

    def __init__(self) -> None:
        self._folder = Folder()
        self.synced = False
        self.written: dict[Key, tuple[Condition, ...]] = {}

    @property
    def objects(self) -> Objects:
        return self._folder.objects

    @property
    def problems(self) -> tuple[Problem, ...]:
        return self._folder.problems

    async def run(self, on_change: Callable[[set[Key]], None]) -> None:
        on_change(set(self.objects))

    def write_conditions(self, exports: Mapping[Key, Iterable[Condition]]) -> None:
        self.written = {key: tuple(found) for key, found in exports.items()}

    def write(self, text: str) -> set[Key]:
        """Replace all objects by those in `text`; returns what changed."""
        return self._folder.update({"all.yaml": text})
