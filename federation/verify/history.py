"""The history of a run: every request with its times and its answer, and the phases of the run.

Written by `federation.verify.traffic` as JSON lines, judged by `federation.verify.guarantees`.
All times are CLOCK_MONOTONIC seconds: faults injected by another process of the same machine lie
on the same axis. The file is one `about` line, one `request` line each, and one `end` line; a file
without the last one was cut off (its generator died), which `History.complete` tells.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from federation.model.errors import InvalidInput, NotReady

_FIRST_BAD_STATUS = 400


@dataclass(frozen=True, slots=True)
class Record:
    """One request. `at` is when it was due, `start` when it went out, `end` when it was over.

    `status` is 0 without an answer, `error` says why, and is empty with one; `cluster` and
    `workload` say who answered, empty when the answer did not.
    """

    id: str
    at: float
    start: float
    end: float
    status: int = 0
    error: str = ""
    cluster: str = ""
    workload: str = ""

    @property
    def latency(self) -> float:
        """Seconds between going out and being over; lateness of the generator is not in it."""
        return self.end - self.start

    @property
    def failed(self) -> bool:
        """Whether the caller did not get what it asked for."""
        return bool(self.error) or not 0 < self.status < _FIRST_BAD_STATUS


@dataclass(frozen=True, slots=True)
class About:
    """What the load was: requests per second, to whom, and by which protocol."""

    target: str
    host: str
    path: str
    method: str
    rate: float
    protocol: str = "http"


@dataclass(frozen=True, slots=True)
class Lag:
    """How late the generator's own loop was, in seconds: a slow generator is no slow mesh."""

    worst: float
    p99: float
    samples: int


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of the run: [start, end)."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class History:
    """A run as it was recorded; `records` are in the order in which they were over."""

    about: About
    records: tuple[Record, ...]
    lag: Lag | None = None

    @property
    def complete(self) -> bool:
        """Whether the generator lived to the end of the run."""
        return self.lag is not None

    def within(self, phase: Phase) -> tuple[Record, ...]:
        """The requests that were over within the phase.

        A request in flight when a fault strikes so belongs to the phase of the fault.
        """
        return tuple(r for r in self.records if phase.start <= r.end < phase.end)


def about_line(about: About) -> str:
    """The first line of a history."""
    return _line("about", {name: getattr(about, name) for name in About.__slots__})


def record_line(record: Record) -> str:
    """The line of one request."""
    return _line("request", {name: getattr(record, name) for name in Record.__slots__})


def end_line(lag: Lag) -> str:
    """The last line of a history."""
    return _line("end", {name: getattr(lag, name) for name in Lag.__slots__})


def _line(kind: str, fields: dict[str, object]) -> str:
    return json.dumps({"kind": kind, **fields}, separators=(",", ":")) + "\n"


def lines_of(history: History) -> Iterator[str]:
    """The lines of the file that holds this history."""
    yield about_line(history.about)
    yield from map(record_line, history.records)
    if history.lag is not None:
        yield end_line(history.lag)


def parse(text: str, name: str = "history") -> History:
    """Read a history, also one that is still being written (its last line may be half there).

    Raises InvalidInput when a line is no line of a history, NotReady when nothing is there yet.
    """
    whole = text[: text.rfind("\n") + 1].splitlines()
    about: About | None = None
    records: list[Record] = []
    lag: Lag | None = None
    for number, line in enumerate(whole, 1):
        try:
            fields = json.loads(line)
            match fields.pop("kind"):
                case "about":
                    about = About(**fields)
                case "request":
                    records.append(Record(**fields))
                case "end":
                    lag = Lag(**fields)
                case kind:
                    raise InvalidInput(f"{name} line {number}: kind {kind!r} is not known")
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InvalidInput(f"{name} line {number} is no line of a history: {error}") from error
    if about is None:
        raise NotReady(f"{name} is still empty")
    return History(about, tuple(records), lag)


def parse_records(text: str) -> list[Record]:
    """The requests in some whole lines of a history; other lines are passed over."""
    lines = (json.loads(line) for line in text.splitlines())
    return [
        Record(**{name: fields[name] for name in fields if name != "kind"})
        for fields in lines
        if fields["kind"] == "request"
    ]


def load(path: Path) -> History:
    """Read the history in a file; raises as `parse`, and NotReady when the file is missing."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError as error:
        raise NotReady(f"{path} is not there yet") from error
    return parse(text, str(path))


def save(path: Path, history: History) -> None:
    """Write a history into a file."""
    path.write_text("".join(lines_of(history)), "utf-8")
