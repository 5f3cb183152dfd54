"""Whether the controller hears a cluster's agent, and since when: a value that streams change.

In: times at which something was heard. Out: answers for verdicts, for joining and for people.
"""

from dataclasses import dataclass, field
from datetime import datetime

from federation.controller.admission.refused_reports import RefusedReports
from federation.planning.liveness import SILENT_SECONDS

RECENT_SECONDS = 60.0
TURNS_OF_TWO = 4
"""A link that breaks may make one agent follow itself, but not so often within a minute."""
MOST_TURNS = 100


@dataclass(slots=True)
class Presence:
    """What the controller sees of one cluster's agent; times in seconds since 1970.

    `clock` is by how many seconds its clock was ahead when it opened its last stream, `turns` are
    the last times when one agent took the place of another, `intermediate` are the two ends of the
    life of the authority that it showed or was given last. `seen_before`: when it was heard last
    before nothing of it counted any more.
    """

    streams: int = 0
    last_seen: float | None = None
    seen_before: float | None = None
    turns: tuple[float, ...] = ()
    intermediate: tuple[datetime, datetime] | None = None
    clock: float | None = None
    refused_reports: RefusedReports = field(default_factory=RefusedReports)

    def silent(self, now: float) -> float | None:
        """For how many seconds nothing was heard, None when nothing ever was.

        That a stream is open says nothing: the agent may be frozen, or cut off.
        """
        return None if self.last_seen is None else now - self.last_seen

    def last_heard(self, now: float) -> float | None:
        """How many seconds ago anything was heard of it, whether that counts or not."""
        seen = self.seen_before if self.last_seen is None else self.last_seen
        return None if seen is None else now - seen

    def is_connected(self, now: float) -> bool:
        """Whether an agent has a stream open and is heard."""
        silent = self.silent(now)
        return self.streams > 0 and silent is not None and silent < SILENT_SECONDS

    def is_recent(self, now: float) -> bool:
        """Whether an agent was heard within the last minute."""
        silent = self.silent(now)
        return silent is not None and silent < RECENT_SECONDS

    def take_turn(self, now: float) -> None:
        """An agent took the place of one whose stream was still open."""
        self.turns = (*self.turns, now)[-MOST_TURNS:]

    def flapping(self, now: float) -> str:
        """That two agents take turns, in a sentence; empty when they do not."""
        turns = sum(1 for at in self.turns if now - at < RECENT_SECONDS)
        if turns < TURNS_OF_TWO:
            return ""
        return (
            f"agents took each other's place {turns} times in the last minute: two of them run "
            "with copies of one state folder. Stop one, and give it a folder of its own"
        )
