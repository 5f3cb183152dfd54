"""The live picture of a scenario on a terminal: what happens now, who answers, what is left.

In: what a stage tells (`federation.demo.scenarios.stage.Told`). Out: a few lines that are drawn
anew in place; what the command says meanwhile appears above them.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import StringIO

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from federation.cli.io import IO
from federation.cli.results import answered_by
from federation.demo.scenarios.stage import Tally, Told
from federation.demo.scenarios.steps import Step
from federation.runtime.escapes import visible
from federation.verify.guarantees import percentile, shares
from federation.verify.history import Record

_LONGEST_BAR = 30
_OTHERS = 48
"""Characters of a line beside the bar and the names of flow and clusters."""
_COLOURS = ("green", "yellow", "magenta", "cyan", "blue")
_FILLS = "█▒#=+"
"""Each cluster has one, so that it is told from the others without colours, too."""
_ASCII_FILLS = "#=+-."
_MINUTE = 60
_NEWS_SECONDS = 2.0
"""What is shown is older than that while processes are started again, for example."""
_REDRAWS_PER_SECOND = 4


@dataclass(frozen=True, slots=True)
class _Flow:
    """What became of a flow in the last half second, and since the step began."""

    recent: tuple[Record, ...]
    tally: Tally


class Picture:
    """The state of the picture; `draw` makes it. `now` is a clock in seconds."""

    def __init__(self, now: Callable[[], float], *, fills: str = _FILLS) -> None:
        self._now = now
        self._began = now()
        self._fills = fills
        self._title = ""
        self._phase = ""
        self._left: tuple[str, ...] = ()
        self._done, self._of = 0, 0
        self._failed = 0
        self._heard = now()
        self._flows: dict[str, _Flow] = {}
        self._clusters: list[str] = []

    def step(self, step: Step, number: int, of: int) -> None:
        """A step begins."""
        self._failed += self._failed_now()
        self._title, self._phase, self._left = f"[{number}/{of}] {step.name}", "", step.phases
        self._done, self._of, self._flows = number - 1, of, {}

    def phase(self, name: str) -> None:
        """A phase begins."""
        self._phase = name
        self._left = tuple(phase for phase in self._left if phase != name)

    def pulse(self, flow: str, recent: tuple[Record, ...], tally: Tally) -> None:
        """What became of a flow in the last half second, and since the step began."""
        self._heard = self._now()
        self._flows[flow] = _Flow(recent, tally)
        for cluster, _ in shares(recent):
            if cluster not in self._clusters:
                self._clusters.append(cluster)

    def draw(self, width: int) -> Group:
        """The picture now, for a terminal of so many columns."""
        lines = (f"{self._title}: {self._phase or 'starting'}", self._what_is_left())
        return Group(
            *(Text(line, no_wrap=True, overflow="ellipsis") for line in lines), self._table(width)
        )

    def _what_is_left(self) -> str:
        phases = f"then: {', '.join(self._left)}" if self._left else "the last phase"
        passed = self._now() - self._began
        words = [phases, f"{_time(passed)} passed"]
        if self._done:
            words.append(f"about {_time(passed / self._done * (self._of - self._done))} left")
        words.append(f"{self._failed + self._failed_now()} failed in all")
        silent = self._now() - self._heard
        if self._flows and silent > _NEWS_SECONDS:
            words.append(f"as of {_time(silent)} ago")
        return "; ".join(words)

    def _failed_now(self) -> int:
        return sum(flow.tally.failed for flow in self._flows.values())

    def _table(self, width: int) -> Table:
        table = Table(box=None, pad_edge=False)
        for column in ("flow", "failed", "p99", "answered by", ""):
            table.add_column(column, no_wrap=True, overflow="ellipsis")
        names = max((len(flow) for flow in self._flows), default=0)
        longest = max(0, min(_LONGEST_BAR, width - names - _OTHERS))
        for name, flow in self._flows.items():
            found = shares(flow.recent)
            p99 = percentile((record.latency for record in flow.recent), 99) * 1000
            table.add_row(
                Text(name),
                f"{flow.tally.failed} of {flow.tally.sent}",
                f"{p99:.0f} ms",
                Text(visible(answered_by(found))),
                self._bar(found, longest),
            )
        return table

    def _bar(self, found: tuple[tuple[str, float], ...], longest: int) -> Text:
        bar = Text()
        for cluster, share in sorted(found):
            number = self._clusters.index(cluster)
            fill = self._fills[number % len(self._fills)]
            bar.append(fill * round(longest * share), _COLOURS[number % len(_COLOURS)])
        return bar


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 2 * _MINUTE else f"{seconds / _MINUTE:.0f} min"


class _Above(StringIO):
    """A stream whose lines appear above the picture."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def write(self, text: str) -> int:
        """Print whole lines, as wide as they are."""
        self._console.print(Text(text.removesuffix("\n")), soft_wrap=True)
        return len(text)


def can_draw(io: IO, console: Console | None = None) -> bool:
    """Whether the terminal can draw something anew in place."""
    return io.is_terminal and not (console or Console(file=io.out)).is_dumb_terminal


@contextmanager
def live(io: IO, now: Callable[[], float] = time.monotonic) -> Iterator[tuple[Told, IO]]:
    """Draw the picture as long as this lasts; yields who is told, and what to talk to meanwhile.

    What is written past that would be drawn over.
    """
    console = Console(file=io.out)
    is_unicode = console.encoding.startswith("utf")
    picture = Picture(now, fills=_FILLS if is_unicode else _ASCII_FILLS)
    screen = Live(
        get_renderable=lambda: picture.draw(console.width),
        console=console,
        refresh_per_second=_REDRAWS_PER_SECOND,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )

    def step(found: Step, number: int, of: int) -> None:
        picture.step(found, number, of)
        screen.refresh()

    def phase(name: str) -> None:
        picture.phase(name)
        screen.refresh()

    above = _Above(console)
    err = above if io.err.isatty() else io.err
    with screen:
        yield Told(step, phase, picture.pulse), replace(io, out=above, err=err)
