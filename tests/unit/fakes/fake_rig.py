"""A rig of processes that only exist here: it does what it is told, and keeps what it was told."""

import signal
from collections.abc import Callable, Iterable

from federation.model.errors import Failed


class FakeRig:
    """Everybody runs at first; each order takes a second."""

    def __init__(self, names: Iterable[str]) -> None:
        self.everybody = frozenset(names)
        self.dead: set[str] = set()
        self.frozen: set[str] = set()
        self.stood_in_for: set[str] = set()
        self.told: list[tuple[str, tuple[str, ...], str]] = []
        self.now = 100.0
        self.refuses_stand_ins = False

    @property
    def is_whole(self) -> bool:
        """Whether all run as in the beginning."""
        return not self.dead and not self.frozen and not self.stood_in_for

    def is_alive(self, name: str) -> bool:
        return name in self.everybody and name not in self.dead

    def kill(self, names: tuple[str, ...], *, alone: bool) -> float:
        self.dead |= self._known(names)
        return self._note("kill", names, _how(alone))

    def send(self, names: tuple[str, ...], number: signal.Signals, *, alone: bool) -> float:
        change = {signal.SIGSTOP: self.frozen.update, signal.SIGCONT: self.frozen.difference_update}
        change[number](self._known(names))
        return self._note(number.name, names, _how(alone))

    def start(self, names: tuple[str, ...]) -> None:
        assert not self._known(names) & self.stood_in_for, "their addresses are taken"
        self.dead -= self._known(names)
        self._note("start", names, "")

    def stand_in(self, names: tuple[str, ...], how: str) -> Callable[[], None]:
        assert self._known(names) <= self.dead, "they listen themselves"
        if self.refuses_stand_ins:
            raise Failed("the address is taken")
        self.stood_in_for |= set(names)
        self._note("stand in", names, how)

        def leave() -> None:
            self.stood_in_for -= set(names)
            self._note("leave", names, how)

        return leave

    def _known(self, names: tuple[str, ...]) -> set[str]:
        assert set(names) <= self.everybody, f"not all are processes: {names}"
        return set(names)

    def _note(self, order: str, names: tuple[str, ...], how: str) -> float:
        self.told.append((order, names, how))
        self.now += 1.0
        return self.now - 1.0


def _how(alone: bool) -> str:
    return "alone" if alone else "with Envoy"
