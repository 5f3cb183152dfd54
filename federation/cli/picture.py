"""The live picture of a scenario on a terminal: what happens now, and who answers.

In: what a stage tells (`federation.demo.scenarios.stage.Told`). Out: a few lines that are drawn
anew in place, below what was printed before.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.live import Live
from rich.markup import escape
from rich.table import Table

from federation.demo.scenarios.stage import Told
from federation.runtime.escapes import visible
from federation.verify.guarantees import failures, percentile, shares
from federation.verify.history import Record

_BAR = 30
_COLOURS = ("green", "yellow", "magenta", "cyan", "blue")


class Picture:
    """The state of the picture; `draw` makes it."""

    def __init__(self) -> None:
        self._title = ""
        self._phase = ""
        self._flows: dict[str, tuple[Record, ...]] = {}
        self._clusters: list[str] = []

    def step(self, name: str, number: int, of: int) -> None:
        """A step begins."""
        self._title, self._phase, self._flows = f"[{number}/{of}] {name}", "", {}

    def phase(self, name: str) -> None:
        """A phase begins."""
        self._phase = name

    def pulse(self, flow: str, recent: tuple[Record, ...]) -> None:
        """What became of a flow in the last half second."""
        self._flows[flow] = recent
        for cluster, _ in shares(recent):
            if cluster not in self._clusters:
                self._clusters.append(cluster)

    def draw(self) -> Table:
        """The picture now."""
        table = Table(title=f"{self._title}: {self._phase}", title_justify="left", box=None)
        for column in ("flow", "answered by", "", "failed", "p99"):
            table.add_column(column, justify="left")
        for flow, recent in self._flows.items():
            found = shares(recent)
            names = ", ".join(f"{escape(visible(c))} {share:.0%}" for c, share in found)
            p99 = percentile((record.latency for record in recent), 99) * 1000
            failed = len(failures(recent))
            table.add_row(flow, names, self._bar(found), f"{failed}", f"{p99:.0f} ms")
        return table

    def _bar(self, found: tuple[tuple[str, float], ...]) -> str:
        colour = {c: _COLOURS[i % len(_COLOURS)] for i, c in enumerate(self._clusters)}
        parts = (f"[{colour[c]}]{'█' * round(_BAR * share)}[/]" for c, share in sorted(found))
        return "".join(parts)


@contextmanager
def live() -> Iterator[Told]:
    """Draw the picture as long as this lasts; what is printed meanwhile appears above it."""
    picture = Picture()
    with Live(picture.draw(), refresh_per_second=4, transient=True) as screen:

        def pulse(flow: str, recent: tuple[Record, ...]) -> None:
            picture.pulse(flow, recent)
            screen.update(picture.draw())

        yield Told(picture.step, picture.phase, pulse)
