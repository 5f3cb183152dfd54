"""What of one cluster's reports is passed on: everything but mass withdrawals nobody saw happen.

In: changes as the receiver took them. Out: those that the registry and the store get. What is held
back stays there as it was last, so it survives a restart: the agent then says the difference again,
and it is judged again. Decides by `federation.planning.withdrawal_guard`, once for exports and once
for services with a ready endpoint.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from federation.model.exports import Backend, ServiceType, Tombstone
from federation.model.names import ClusterId, ServiceName, parse_service_name
from federation.model.timestamps import rfc3339
from federation.planning.withdrawal_guard import Guard, Names
from federation.wire import codec
from federation.wire.codec.kind import Withdrawal
from federation.wire.codec.services import MAX_EXPORTS
from federation.xds.held_type import Change
from federation.xds.receiver import Receiver

SPARE_EXPORTS = 3
SPARE_READY = 1
"""Ready counts that fall *together* are two at least."""
_WITNESSES = frozenset(
    t for t, report in codec.REPORTED.items() if report.withdrawal is Withdrawal.WITNESS
)
_OF_SERVICES = tuple(
    type_url
    for type_url, report in reversed(codec.REPORTED.items())
    if report.withdrawal not in (Withdrawal.FREE, Withdrawal.WITNESS)
)
"""What goes with a service that may not be exported any more."""


class Withdrawals:
    """The reports of one cluster; `reported` is what its agent says now."""

    def __init__(self, reported: Receiver) -> None:
        self._reported = reported
        self._exports = Guard(SPARE_EXPORTS, MAX_EXPORTS)
        self._ready = Guard(SPARE_READY, MAX_EXPORTS)
        self._seen: dict[ServiceName, Tombstone] = {}
        self._addressed: set[ServiceName] = set()
        self._emptied: set[ServiceName] = set()

    def restore(self, changes: Iterable[Change]) -> None:
        """Begin with what the receiver took back: that is in force."""
        stored = tuple(changes)
        self._note_addressed(stored)
        self._exports.gain(_names(stored, codec.EXPORT, there=True))
        self._ready.gain(frozenset(n for n, b in _backends(stored) if b is not None and b.ready))

    def take(self, changes: Iterable[Change], now: float) -> tuple[Change, ...]:
        """What is to be passed on; `now` in seconds since 1970."""
        taken = tuple(changes)
        self._note_addressed(taken)
        backends = dict(_backends(taken))
        seen = self._see(taken)
        self._exports.gain(_names(taken, codec.EXPORT, there=True))
        self._ready.gain(frozenset(n for n, b in backends.items() if b is not None and b.ready))
        lost = _names(taken, codec.EXPORT, there=False)
        self._exports.lose(lost, self._excused(lost, endpoints=False), now)
        self._lose_ready(backends, now)
        self._note_emptied(taken)
        passed = tuple(change for change in taken if self._passes(change, backends))
        released = self._release(seen & self._excused(seen, endpoints=False), seen)
        return passed + self._left(lost) + released + self._followed()

    def _note_emptied(self, changes: Iterable[Change]) -> None:
        """Endpoints of headless services that are reported no more stay as long as the backend.

        Those of a service that has an address of its own now go at once.
        """
        for change in changes:
            if change.type_url == codec.HEADLESS:
                self._emptied.add(parse_service_name(change.name))
                if change.value is not None and change.value.endpoints:
                    self._emptied.discard(parse_service_name(change.name))

    def _followed(self) -> tuple[Change, ...]:
        """Those whose backend has no ready endpoint any more, for others neither."""
        over = frozenset(
            n for n in self._emptied if not self._ready.counts(n) or n in self._addressed
        )
        self._emptied -= over
        return tuple(self._reported.change(codec.HEADLESS, str(n)) for n in sorted(over))

    def _note_addressed(self, changes: Iterable[Change]) -> None:
        """Which services are exported, and not as headless ones."""
        for change in changes:
            if change.type_url == codec.EXPORT:
                name = parse_service_name(change.name)
                self._addressed.discard(name)
                if change.value is not None and change.value.type is not ServiceType.HEADLESS:
                    self._addressed.add(name)

    def _lose_ready(self, backends: Mapping[ServiceName, Backend | None], now: float) -> None:
        """A backend goes with its export; one that is there without a ready endpoint is judged."""
        gone = frozenset(n for n, b in backends.items() if b is None and self._is_over(n))
        self._ready.forget(gone)
        empty = frozenset(n for n, b in backends.items() if b is not None and not b.ready)
        self._ready.lose(empty, self._excused(empty, endpoints=True), now)

    def _is_over(self, name: ServiceName) -> bool:
        """Whether the service is neither exported nor held back."""
        return str(name) not in self._reported.held(codec.EXPORT) and name not in self._exports.held

    def _left(self, lost: Names) -> tuple[Change, ...]:
        """Backends whose removal came before that of their export: now they go, too."""
        held = self._reported.held(codec.BACKEND)
        names = frozenset(n for n in lost if self._is_over(n) and str(n) not in held)
        self._ready.forget(names)
        return tuple(self._as_reported(frozenset(), names))

    def _passes(self, change: Change, backends: Mapping[ServiceName, Backend | None]) -> bool:
        match codec.REPORTED[change.type_url].withdrawal:
            case Withdrawal.WITNESS:
                return False
            case Withdrawal.EXISTS:
                is_gone = change.resource is None
                return not (is_gone and parse_service_name(change.name) in self._exports.held)
            case Withdrawal.FOLLOWS:
                return parse_service_name(change.name) not in self._emptied
            case Withdrawal.READY:
                name = parse_service_name(change.name)
                backend = backends[name]
                if backend is None:
                    return self._is_over(name)
                return backend.ready > 0 or name not in self._ready.held
            case Withdrawal.FREE:
                return True

    def _see(self, changes: Iterable[Change]) -> Names:
        """Take what the agent saw go; returns the services it speaks of now."""
        found = set()
        for change in changes:
            if change.type_url != codec.TOMBSTONE:
                continue
            name = parse_service_name(change.name)
            self._seen.pop(name, None)
            if change.resource is not None:
                self._seen[name] = change.value
                found.add(name)
        return frozenset(found)

    def _excused(self, names: Iterable[ServiceName], *, endpoints: bool) -> Names:
        """Those whose going was seen; with its export, all of a service may go."""
        known = ((name, self._seen.get(name)) for name in names)
        return frozenset(n for n, t in known if t and (t.export or (endpoints and t.endpoints)))

    def _release(self, exports: Names, ready: Names) -> tuple[Change, ...]:
        released = self._exports.release(exports)
        backends = self._ready.release(self._excused(ready, endpoints=True))
        self._ready.forget(released)
        return tuple(self._as_reported(released, backends | released))

    def _as_reported(self, exports: Names, backends: Names) -> Iterator[Change]:
        for type_url, names in ((codec.EXPORT, exports), (codec.BACKEND, backends)):
            for name in sorted(map(str, names)):
                yield self._reported.change(type_url, name)

    def overrule(
        self, changes: Iterable[Change], is_allowed: Callable[[ServiceName], bool]
    ) -> tuple[Change, ...]:
        """The operator's word takes these away, and what is held back and not allowed with them."""
        taken = [change for change in changes if change.type_url not in _WITNESSES]
        self._note_addressed(taken)
        held = {n for n in self._exports.held | self._ready.held if not is_allowed(n)}
        for type_url in _OF_SERVICES:
            known = {change.name for change in taken if change.type_url == type_url}
            taken += [Change(type_url, str(n), None) for n in sorted(held) if str(n) not in known]
        exports = _names(taken, codec.EXPORT, there=False)
        self._exports.forget(exports)
        self._ready.forget(exports | _names(taken, codec.BACKEND, there=False))
        return tuple(taken)

    def confirm(self) -> tuple[Change, ...]:
        """A person says that it is meant so: what is held back is passed on as it is reported."""
        exports = self._exports.release(frozenset(self._exports.held))
        ready = self._ready.release(frozenset(self._ready.held))
        self._ready.forget(exports)
        return (*self._as_reported(exports, ready | exports), *self._followed())

    def problem(self, cluster: ClusterId) -> str:
        """What is held back since when, and what to do; empty when nothing is."""
        since = [s for s in (self._exports.since, self._ready.since) if s is not None]
        if not since:
            return ""
        ready = self._ready.held - self._exports.held
        parts = [
            *([_count(len(self._exports.held), "export")] if self._exports.held else []),
            *([f"the ready endpoints of {_count(len(ready), 'service')}"] if ready else []),
        ]
        at = rfc3339(min(since))
        return (
            f"{' and '.join(parts)} vanished together at {at} and nobody saw them go: others keep "
            "what they knew. Look at what the agent reads; if it is meant so, say: "
            f"fedctl cluster confirm {cluster}"
        )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _names(changes: Iterable[Change], type_url: str, *, there: bool) -> Names:
    found = (c for c in changes if c.type_url == type_url and (c.resource is not None) is there)
    return frozenset(parse_service_name(c.name) for c in found)


def _backends(changes: Iterable[Change]) -> Iterator[tuple[ServiceName, Backend | None]]:
    for change in changes:
        if change.type_url == codec.BACKEND:
            yield parse_service_name(change.name), change.value
