"""A demo that is started and ended in a list only."""

from pathlib import Path

from federation.demo.layout import Layout


class FakeMesh:
    """In the place of `federation.demo.mesh`: notes what was asked of it."""

    def __init__(self, *, runs: bool = False) -> None:
        self.runs = runs
        self.done: list[str] = []

    def is_running(self, _: Path) -> bool:
        return self.runs

    def up(self, state: Path, layout: Layout, __: object) -> float:
        self.done.append(f"up {layout.network} {state.name}")
        return 1.0

    def down(self, state: Path) -> bool:
        self.done.append(f"down {state.name}")
        return True

    def halt(self, state: Path) -> None:
        self.done.append(f"halt {state.name}")
