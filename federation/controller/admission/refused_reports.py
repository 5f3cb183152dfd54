"""What was not taken of one cluster's reports, for people: by name, with the reason, bounded.

In: what `federation.xds.receiver` refused and took. Out: what is refused now, and what of it is
new, for the log. A refusal ends when the resource is taken or gone, or when the agent starts over.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from federation.wire import codec
from federation.xds.messages import shown

MOST = 1_000
"""RefusedReports kept; what is beyond is counted."""
_WITH_EXPORT = frozenset(t for t, report in codec.REPORTED.items() if report.with_export)
_UNTOLD = frozenset(t for t, report in codec.REPORTED.items() if not report.told)


@dataclass(frozen=True, slots=True)
class RefusedReport:
    """A resource of a report that was not taken; `since` in seconds since 1970."""

    type_url: str
    name: str
    reason: str
    since: float

    def __str__(self) -> str:
        kind = self.type_url.rpartition(".")[2]
        return f"{kind} {self.name}: {self.reason}"


class RefusedReports:
    """The refusals of one cluster."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], RefusedReport] = {}
        self._beyond: dict[str, int] = {}
        self._whole: dict[str, RefusedReport] = {}

    def start_over(self) -> None:
        """A new stream: what is still wrong will be said again."""
        self._known.clear()
        self._beyond.clear()
        self._whole.clear()

    def take(
        self,
        type_url: str,
        refused: Mapping[str, str],
        settled: Iterable[str],
        whole: str,
        now: float,
    ) -> tuple[RefusedReport, ...]:
        """Take what became of one response; returns the refusals that are new.

        `whole` is why the response as a whole was refused, empty when it was not.
        """
        for name in settled:
            self._known.pop((type_url, shown(name)), None)
        fresh = self._take_whole(type_url, whole, now)
        for name, reason in refused.items():
            key = (type_url, shown(name))
            before = self._known.get(key)
            if before is not None and before.reason == reason:
                continue
            if before is None and len(self._known) >= MOST:
                self._beyond[type_url] = self._beyond.get(type_url, 0) + 1
                continue
            since = now if before is None else before.since
            self._known[key] = RefusedReport(type_url, key[1], reason, since)
            fresh.append(self._known[key])
        return tuple(fresh)

    def _take_whole(self, type_url: str, reason: str, now: float) -> list[RefusedReport]:
        before = self._whole.pop(type_url, None)
        if not reason:
            return []
        is_known = before is not None and before.reason == reason
        fresh = RefusedReport(type_url, "response", reason, now)
        refusal = before if before and is_known else fresh
        self._whole[type_url] = refusal
        return [] if is_known else [refusal]

    def _of_use(self) -> list[RefusedReport]:
        """Those by name that tell a person something.

        What goes with a refused export is refused with it, and that a service ended which may not
        be exported is of no use to know.
        """
        exports = {name for type_url, name in self._known if type_url == codec.EXPORT}
        return [
            self._known[type_url, name]
            for type_url, name in sorted(self._known)
            if type_url not in _UNTOLD and (type_url not in _WITH_EXPORT or name not in exports)
        ]

    def __len__(self) -> int:
        beyond = sum(n for t, n in self._beyond.items() if t not in _UNTOLD | _WITH_EXPORT)
        return len(self._of_use()) + len(self._whole) + beyond

    def first(self, most: int) -> tuple[RefusedReport, ...]:
        """Some of them, in a stable order."""
        return tuple([*self._whole.values(), *self._of_use()][:most])
