"""The sender's half of a sync stream: incremental, without queues.

In: requests of the receiver (`receive`), names that changed (`touch`). Out: responses, asked for
one by one (`next_response`) when the stream can take one; bytes are read from the view only then,
so a slow receiver costs a set of names and always gets the newest. At most one response of a type
is under way. The other half is `federation.xds.receiver`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from federation.model.errors import PeerBroke
from federation.xds.in_flight import (
    ACK_DEADLINE_SECONDS,
    Flight,
    fits,
    how_many_fit,
    judge,
    reason_of,
)
from federation.xds.messages import (
    MAX_NAME,
    MAX_NAMES,
    MAX_NAMES_BYTES,
    WILDCARD,
    Point,
    Request,
    Response,
    is_name,
    shown,
)
from federation.xds.resources import Resource
from federation.xds.snapshot import View

MAX_STARTS = 10
"""How often a receiver may start over on one stream; ours does so at most once."""
_REMEMBERED_LATE = 4


@dataclass(frozen=True, slots=True)
class Rule:
    """One type on a stream; the order of rules is the order of sending.

    Changes wait until the types in `after` are acknowledged, removals until those in
    `removals_after` are (their own removals included). When a resource is sent, the one of the
    same name in `companion` is sent again, since Envoy waits for it without asking.
    """

    type_url: str
    after: tuple[str, ...] = ()
    removals_after: tuple[str, ...] = ()
    companion: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """A resource the receiver did not take; the last good one stays in force there."""

    type_url: str
    name: str
    version: str
    reason: str


class Keeper(Protocol):
    """Knows what a receiver holds from an earlier sender, of which this one knows nothing yet.

    Unknown is not absent: what is kept is neither sent nor taken away.
    """

    def claim(self, type_url: str, names: Iterable[str], point: Point | None) -> None:
        """Hear what the receiver holds at its start, and where the store stood it came from."""

    def keeps_any(self) -> bool:
        """Whether anything is kept at all."""

    def keeps(self, type_url: str, name: str) -> bool:
        """Whether the receiver's own version of this resource stays for now."""


@dataclass(slots=True)
class _Channel:
    """One type on one stream; `held` is what the receiver has, or is about to have."""

    rule: Rule
    wildcard: bool = False
    started: bool = False
    told_complete: bool = False
    starts: int = 0
    names: set[str] = field(default_factory=set)
    names_bytes: int = 0
    dirty: dict[str, None] = field(default_factory=dict)
    forced: set[str] = field(default_factory=set)
    held: dict[str, str] = field(default_factory=dict)
    flight: Flight | None = None
    late: list[Flight] = field(default_factory=list)
    suspects: list[tuple[str, ...]] = field(default_factory=list)
    refused: dict[str, Refused] = field(default_factory=dict)

    def subscribe(self, name: str) -> None:
        """Note that a name is asked for; raises PeerBroke when that is too much."""
        if not is_name(name):
            raise PeerBroke(f"{self.rule.type_url}: {shown(name)} is no name of a resource")
        if name in self.names:
            return
        self.names_bytes += len(name)
        if len(self.names) >= MAX_NAMES or self.names_bytes > MAX_NAMES_BYTES:
            raise PeerBroke(
                f"{self.rule.type_url}: at most {MAX_NAMES} names of {MAX_NAMES_BYTES} bytes in "
                "all may be asked for"
            )
        self.names.add(name)

    def unsubscribe(self, name: str) -> None:
        if name in self.names:
            self.names.remove(name)
            self.names_bytes -= len(name)

    def wants(self, name: str) -> bool:
        return self.wildcard or name in self.names

    def touch(self, name: str) -> None:
        if self.wants(name) or name in self.held:
            self.dirty[name] = None


class Sender:
    """Sends what a view holds to one receiver. `marks` adds point and Complete (not for Envoy)."""

    def __init__(
        self,
        view: View,
        rules: Iterable[Rule],
        *,
        marks: bool = True,
        keeper: Keeper | None = None,
    ) -> None:
        self._view = view
        self._keeper = keeper
        self._rules = {rule.type_url: rule for rule in rules}
        self._channels: dict[str, _Channel] = {}
        self._marks = marks
        self._nonces = 0
        self.node = ""

    def receive(self, request: Request, now: float) -> None:
        """Take one request; unknown types are ignored. Raises PeerBroke beyond all limits."""
        rule = self._rules.get(request.type_url)
        if rule is None:
            return
        self.node = self.node or request.node[:MAX_NAME]
        channel = self._channels.get(request.type_url)
        if channel is None:
            channel = self._channels[request.type_url] = _Channel(rule)
            channel.wildcard = not request.subscribe or WILDCARD in request.subscribe
            self._start(channel, request)
        elif WILDCARD in request.subscribe:
            channel.wildcard = True
            self._start(channel, request)
            channel.starts += 1
            if channel.starts > MAX_STARTS:
                raise PeerBroke(f"{request.type_url} was asked for anew {MAX_STARTS} times")
        self._subscribe(channel, request)
        if request.nonce:
            self._answered(channel, request)

    def _start(self, channel: _Channel, request: Request) -> None:
        """The receiver says what it holds: from here on the difference is ours to send."""
        channel.held = dict(request.initial_versions)
        channel.told_complete = False
        if self._keeper is not None:
            self._keeper.claim(request.type_url, channel.held, request.point)
        if channel.wildcard:
            for name in (*self._view.names(channel.rule.type_url), *channel.held):
                channel.dirty[name] = None

    def _subscribe(self, channel: _Channel, request: Request) -> None:
        for name in request.subscribe:
            if name != WILDCARD:
                channel.subscribe(name)
                channel.dirty[name] = None
                if name not in request.initial_versions:
                    channel.held.pop(name, None)
        for name in request.unsubscribe:
            channel.unsubscribe(name)
            if not channel.wildcard:
                channel.held.pop(name, None)
                channel.dirty.pop(name, None)

    def _answered(self, channel: _Channel, request: Request) -> None:
        flight = self._landed(channel, request.nonce)
        if flight is None:
            return
        if not request.error:
            for name in flight.versions:
                channel.refused.pop(name, None)
            return
        verdict = judge(flight.versions, request.error)
        for name, version in flight.versions.items():
            if channel.held.get(name) == version:
                _restore(channel.held, name, flight.before.get(name))
        for name in verdict.guilty:
            channel.refused[name] = Refused(
                channel.rule.type_url,
                name,
                flight.versions[name],
                reason_of(name, request.error, flight.versions),
            )
            channel.touch(name)
        channel.suspects.extend(verdict.again)

    def _landed(self, channel: _Channel, nonce: str) -> Flight | None:
        if channel.flight is not None and channel.flight.nonce == nonce:
            flight, channel.flight = channel.flight, None
            channel.late.clear()  # answers come in order: those will not come any more
            return flight
        for flight in channel.late:
            if flight.nonce == nonce:
                channel.late.remove(flight)
                return flight
        return None

    def touch(self, type_url: str, name: str) -> None:
        """Say that a resource may have changed, appeared or gone."""
        channel = self._channels.get(type_url)
        if channel is not None:
            channel.touch(name)

    def send_again(self, type_url: str, names: Iterable[str]) -> None:
        """Send these in the version that was refused: what stood in their way was not in them."""
        channel = self._channels.get(type_url)
        if channel is None:
            return
        for name in names:
            channel.refused.pop(name, None)
            if channel.wants(name):
                channel.forced.add(name)
                channel.dirty[name] = None

    def answered(self, type_url: str) -> dict[str, str]:
        """What the receiver has answered and nothing newer of is on its way, by name.

        Why it was refused, or nothing for what was taken.
        """
        channel = self._channels.get(type_url)
        if channel is None:
            return {}
        flights = (*channel.late, *([channel.flight] if channel.flight else []))
        sent = {name for flight in flights for name in flight.versions}
        taken = (n for n in channel.held if n not in sent and n not in channel.dirty)
        refused = {n: r.reason for n, r in channel.refused.items() if n not in sent}
        return dict.fromkeys(taken, "") | refused

    def reconsider(self) -> None:
        """Say that the keeper has let go of something: all is compared again."""
        for type_url, channel in self._channels.items():
            for name in (*self._view.names(type_url), *channel.held):
                channel.touch(name)

    def _leave_kept(self) -> None:
        """What is kept counts as said: the receiver holds what it holds."""
        if self._keeper is None or not self._keeper.keeps_any():
            return
        for type_url, channel in self._channels.items():
            for name in [n for n in channel.dirty if n in channel.held]:
                if self._keeper.keeps(type_url, name):
                    del channel.dirty[name]

    def refusals(self) -> tuple[Refused, ...]:
        """What the receiver did not take, in a stable order."""
        found = [r for channel in self._channels.values() for r in channel.refused.values()]
        return tuple(sorted(found, key=lambda r: (r.type_url, r.name)))

    def overdue(self, now: float) -> tuple[tuple[str, str], ...]:
        """Type and name of what was sent and not answered in time, sorted."""
        return tuple(
            sorted(
                {
                    (type_url, name)
                    for type_url, channel in self._channels.items()
                    for flight in (*channel.late, *([channel.flight] if channel.flight else []))
                    if flight.is_late(now)
                    for name, version in flight.versions.items()
                    if channel.held.get(name) == version
                }
            )
        )

    def is_quiet(self) -> bool:
        """Whether the receiver has acknowledged all there is."""
        return all(
            c.flight is None and not c.suspects and not c.dirty for c in self._channels.values()
        )

    def has_taken(self, type_url: str) -> bool:
        """Whether the receiver has taken all there is of a type, in its last version."""
        c = self._channels.get(type_url)
        if c is None or c.late or c.refused:
            return False
        return c.flight is None and not c.suspects and not c.dirty

    def due(self) -> float | None:
        """When `next_response` must be asked again though nothing happens; loop time in seconds."""
        sent = [c.flight.sent_at for c in self._channels.values() if c.flight is not None]
        return min(sent) + ACK_DEADLINE_SECONDS if sent else None

    def next_response(self, now: float) -> Response | None:
        """The next response to write, None when there is nothing to send now."""
        self._leave_kept()
        for type_url in self._rules:
            channel = self._channels.get(type_url)
            if channel is None or not self._is_free(channel, now):
                continue
            response = self._build(channel, now)
            if response is not None:
                return response
        return None

    def _is_free(self, channel: _Channel, now: float) -> bool:
        if channel.flight is None:
            return True
        if not channel.flight.is_late(now):
            return False
        channel.late = [*channel.late, channel.flight][-_REMEMBERED_LATE:]
        channel.flight = None
        return True

    def _build(self, channel: _Channel, now: float) -> Response | None:
        complete = self._view.is_complete(channel.rule.type_url)
        if channel.wildcard and not channel.started and not complete and not channel.held:
            return None  # unknown is not absent: a first answer is a whole one
        changes = self._changes(channel) if self._settled(channel.rule.after, now) else []
        may_remove = complete and (not changes or bool(channel.late))
        removed = self._removals(channel, now) if may_remove else []
        last = complete and not channel.dirty and not channel.suspects
        if not changes and not removed and not self._owes_answer(channel, last):
            return None
        return self._sent(channel, changes, removed, last, now)

    def _owes_answer(self, channel: _Channel, last: bool) -> bool:
        """Whether an empty response says something: nothing exists, or everything was said."""
        if channel.wildcard and not channel.started:
            return last
        return self._marks and last and not channel.told_complete

    def _changes(self, channel: _Channel) -> list[Resource]:
        while channel.suspects:
            chosen = self._choose(channel, channel.suspects.pop(0))
            if chosen:
                return chosen
        return self._choose(channel, tuple(channel.dirty))

    def _choose(self, channel: _Channel, group: tuple[str, ...]) -> list[Resource]:
        chosen: list[Resource] = []
        size = 0
        for name in group:
            found = self._view.get(channel.rule.type_url, name)
            if found is None:
                continue  # a removal, or not known yet: it stays dirty
            if self._is_due(channel, found):
                if not fits(len(chosen), size, found):
                    channel.dirty[name] = None
                    continue
                chosen.append(found)
                size += len(found.body)
            channel.dirty.pop(name, None)
            channel.forced.discard(name)
        return chosen

    @staticmethod
    def _is_due(channel: _Channel, found: Resource) -> bool:
        if not channel.wants(found.name):
            return False
        refused = channel.refused.get(found.name)
        if refused is not None and refused.version == found.version:
            return False
        return found.name in channel.forced or channel.held.get(found.name) != found.version

    def _removals(self, channel: _Channel, now: float) -> list[str]:
        gone = [n for n in channel.dirty if self._view.get(channel.rule.type_url, n) is None]
        others = tuple(t for t in channel.rule.removals_after if t != channel.rule.type_url)
        if not gone or not self._settled(others, now) or self._has_removals(others):
            return []
        known = (channel.held, channel.names, channel.refused)
        told = [name for name in gone if any(name in some for some in known)]
        now_told = told[: how_many_fit(told)]
        later = set(told[len(now_told) :])
        for name in gone:
            if name not in later:
                channel.dirty.pop(name)
                channel.refused.pop(name, None)
        return now_told

    def _settled(self, type_urls: tuple[str, ...], now: float) -> bool:
        """Whether those types have nothing to change and nothing unanswered."""
        return all(self._is_settled(t, now) for t in type_urls)

    def _has_removals(self, type_urls: tuple[str, ...]) -> bool:
        """Whether something of those types is gone and the receiver was not told yet."""
        return any(
            name in channel.held and self._view.get(type_url, name) is None
            for type_url in type_urls
            if (channel := self._channels.get(type_url)) is not None
            for name in channel.dirty
        )

    def _is_settled(self, type_url: str, now: float) -> bool:
        channel = self._channels.get(type_url)
        if channel is None:
            return True
        if channel.suspects or (channel.flight is not None and not channel.flight.is_late(now)):
            return False
        known = (self._view.get(type_url, name) for name in channel.dirty)
        return not any(found is not None and self._is_due(channel, found) for found in known)

    def _sent(
        self, channel: _Channel, changes: list[Resource], removed: list[str], last: bool, now: float
    ) -> Response:
        self._nonces += 1
        nonce = str(self._nonces)
        versions = {r.name: r.version for r in changes}
        before = {name: channel.held[name] for name in versions if name in channel.held}
        channel.held.update(versions)
        for name in removed:
            channel.held.pop(name, None)
        channel.started = True
        channel.told_complete = channel.told_complete or last
        channel.flight = Flight(nonce, now, versions, before)
        self._force_companions(channel.rule.companion, versions)
        return Response(
            channel.rule.type_url,
            nonce,
            tuple(changes),
            tuple(removed),
            self._view.point() if self._marks else None,
            len(channel.held) if self._marks and last else None,
        )

    def _force_companions(self, type_url: str, names: Iterable[str]) -> None:
        companion = self._channels.get(type_url)
        if companion is None:
            return
        for name in names:
            if name in companion.names:
                companion.forced.add(name)
                companion.dirty[name] = None


def _restore(held: dict[str, str], name: str, before: str | None) -> None:
    if before is None:
        held.pop(name)
    else:
        held[name] = before
