"""The sender's half of a state-of-the-world stream, as gRPC's own xDS client speaks it.

The same rules as `federation.xds.sender`: no queue, one response of a type under way, a refused
version is never sent again. Since every response is the whole subscription, the last good version
of a refused resource is kept and sent in its place.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256

from federation.xds.in_flight import ACK_DEADLINE_SECONDS, Flight, judge, reason_of
from federation.xds.messages import MAX_NAME, StateRequest, StateResponse
from federation.xds.resources import Resource
from federation.xds.sender import Refused, Rule
from federation.xds.snapshot import View


@dataclass(slots=True)
class _Channel:
    rule: Rule
    names: tuple[str, ...] = ()
    started: bool = False
    changed: bool = True
    good: dict[str, Resource] = field(default_factory=dict)
    sent: dict[str, Resource] = field(default_factory=dict)
    refused: dict[str, Refused] = field(default_factory=dict)
    suspects: list[tuple[str, ...]] = field(default_factory=list)
    flight: Flight | None = None


class StateSender:
    """Sends what a view holds to one receiver that wants the whole state each time."""

    def __init__(self, view: View, rules: Iterable[Rule]) -> None:
        self._view = view
        self._rules = {rule.type_url: rule for rule in rules}
        self._channels: dict[str, _Channel] = {}
        self._nonces = 0
        self.node = ""

    def receive(self, request: StateRequest, now: float) -> None:
        """Take one request; unknown types are ignored."""
        rule = self._rules.get(request.type_url)
        if rule is None:
            return
        self.node = self.node or request.node[:MAX_NAME]
        channel = self._channels.setdefault(request.type_url, _Channel(rule))
        if request.names != channel.names:
            channel.names = request.names
            channel.changed = True
        if request.nonce and channel.flight is not None and request.nonce == channel.flight.nonce:
            self._answered(channel, channel.flight, request.error)

    def _answered(self, channel: _Channel, flight: Flight, error: str) -> None:
        channel.flight = None
        if not error:
            channel.good = dict(channel.sent)
            return
        new = {n: v for n, v in flight.versions.items() if flight.before.get(n) != v}
        verdict = judge(new, error)
        for name in verdict.guilty:
            reason = reason_of(name, error, flight.versions)
            channel.refused[name] = Refused(channel.rule.type_url, name, new[name], reason)
        channel.suspects.extend(verdict.again)
        channel.changed = True

    def touch(self, type_url: str, name: str) -> None:
        """Say that a resource may have changed, appeared or gone."""
        channel = self._channels.get(type_url)
        if channel is not None and (not channel.names or name in channel.names):
            channel.changed = True

    def refusals(self) -> tuple[Refused, ...]:
        """What the receiver did not take, in a stable order."""
        found = [r for channel in self._channels.values() for r in channel.refused.values()]
        return tuple(sorted(found, key=lambda r: (r.type_url, r.name)))

    def due(self) -> float | None:
        """When `next_response` must be asked again though nothing happens; loop time."""
        flights = [c.flight for c in self._channels.values() if c.flight and c.changed]
        return min(f.sent_at for f in flights) + ACK_DEADLINE_SECONDS if flights else None

    def next_response(self, now: float) -> StateResponse | None:
        """The next response to write, None when there is nothing to send now."""
        for type_url, rule in self._rules.items():
            channel = self._channels.get(type_url)
            if channel is None or not channel.changed or not _is_free(channel, now):
                continue
            if not all(self._is_settled(t, now) for t in rule.after):
                continue
            response = self._build(channel, now)
            if response is not None:
                return response
        return None

    def _is_settled(self, type_url: str, now: float) -> bool:
        channel = self._channels.get(type_url)
        return channel is None or (not channel.changed and _is_free(channel, now))

    def _build(self, channel: _Channel, now: float) -> StateResponse | None:
        type_url = channel.rule.type_url
        if not self._view.is_complete(type_url) and not channel.started:
            return None  # unknown is not absent
        group = channel.suspects.pop(0) if channel.suspects else None
        wanted = channel.names or sorted(self._view.names(type_url))
        chosen = {}
        for name in wanted:
            found = self._choose(channel, name, group)
            if found is not None:
                chosen[name] = found
        channel.changed = bool(channel.suspects)
        if channel.started and chosen == channel.sent and group is None:
            return None
        return self._sent(channel, chosen, now)

    def _choose(
        self, channel: _Channel, name: str, group: tuple[str, ...] | None
    ) -> Resource | None:
        found = self._view.get(channel.rule.type_url, name)
        if found is None:
            return None
        refused = channel.refused.get(name)
        is_refused = refused is not None and refused.version == found.version
        is_held_back = group is not None and name not in group
        return channel.good.get(name) if is_refused or is_held_back else found

    def _sent(self, channel: _Channel, chosen: dict[str, Resource], now: float) -> StateResponse:
        self._nonces += 1
        versions = {name: r.version for name, r in chosen.items()}
        before = {name: r.version for name, r in channel.good.items()}
        channel.flight = Flight(str(self._nonces), now, versions, before)
        channel.sent = chosen
        channel.started = True
        digest = sha256("".join(f"{n}={v};" for n, v in sorted(versions.items())).encode())
        return StateResponse(
            channel.rule.type_url,
            str(self._nonces),
            digest.hexdigest()[:16],
            tuple(chosen.values()),
        )


def _is_free(channel: _Channel, now: float) -> bool:
    return channel.flight is None or channel.flight.is_late(now)
