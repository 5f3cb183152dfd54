"""A cluster's objects given as texts, and the status that people are told of them."""

from collections.abc import Callable

from cluster_agent.source.folder import Folder
from cluster_agent.source.objects import Batch, Objects, Problem
from cluster_agent.source.status import News, Target, Told
from federation.runtime.loops import Loop


class FakeSource:
    """See `cluster_agent.source.source.Source`; a test writes files and says when it is synced."""

    def __init__(self) -> None:
        self._folder = Folder()
        self.synced = False
        self.trouble = ""

    @property
    def objects(self) -> Objects:
        return self._folder.objects

    @property
    def problems(self) -> tuple[Problem, ...]:
        return self._folder.problems

    @property
    def unread(self) -> tuple[str, ...]:
        return self._folder.unread

    def loops(self, on_change: Callable[[Batch], None]) -> tuple[Loop, ...]:
        async def turn() -> None:
            on_change(Batch(frozenset(self.objects), live=False))

        return (Loop("source", turn, rest=60.0),)

    def write(self, text: str, *, live: bool = True) -> Batch:
        """Replace all objects by those in `text`; returns what changed."""
        return Batch(frozenset(self._folder.update({"all.yaml": text})), live)

    def break_file(self, name: str) -> None:
        """Another file is there, and cannot be read."""
        self._folder.set_broken(name, "it is not YAML")

    def mend_file(self, name: str) -> None:
        """It can be read now, and has no objects."""
        self._folder.update({name: ""})


class FakeStatus:
    """See `cluster_agent.source.status.Status`; raises the errors that a test puts in."""

    def __init__(self) -> None:
        self.told: dict[Target, Told] = {}
        self.news: list[News] = []
        self.errors: list[Exception] = []

    async def tell(self, news: News) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.news.append(news)
        self.told = {t: told for t, told in {**self.told, **news}.items() if told is not None}
