"""The sender's half of a state-of-the-world stream, as gRPC's own xDS client speaks it.

The same rules as `federation.xds.sender`: no queue, one response of a type under way, a refused
version is never sent again. Since every response is the whole subscription, the last good version
of a refused resource is kept and sent in its place.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256

from federation.xds.in_flight import ACK_DEADLINE_SECONDS, Flight
from federation.xds.messages import MAX_NAME, StateRequest, StateResponse
from federation.xds.nacks import Nack, judge, reason_of
from federation.xds.resources import Resource
from federation.xds.rules import Rule
from federation.xds.snapshot import View


@dataclass(slots=True)
class _Subscription:
    rule: Rule
    names: tuple[str, ...] = ()
    started: bool = False
    changed: bool = True
    good: dict[str, Resource] = field(default_factory=dict)
    sent: dict[str, Resource] = field(default_factory=dict)
    nacks: dict[str, Nack] = field(default_factory=dict)
    suspects: list[tuple[str, ...]] = field(default_factory=list)
    flight: Flight | None = None


class StateSender:
    """Sends what a view holds to one receiver that wants the whole state each time."""

    def __init__(self, view: View, rules: Iterable[Rule]) -> None:
        self._view = view
        self._rules = {rule.type_url: rule for rule in rules}
        self._subscriptions: dict[str, _Subscription] = {}
        self._nonces = 0
        self.node = ""
        self.is_waiting = True
        """Whether a request of the receiver may be what the next response waits for."""

    def receive(self, request: StateRequest, now: float) -> None:
        """Take one request; unknown types are ignored."""
        rule = self._rules.get(request.type_url)
        if rule is None:
            return
        self.node = self.node or request.node[:MAX_NAME]
        subscription = self._subscriptions.setdefault(request.type_url, _Subscription(rule))
        if request.names != subscription.names:
            subscription.names = request.names
            subscription.changed = True
        if (
            request.nonce
            and subscription.flight is not None
            and request.nonce == subscription.flight.nonce
        ):
            self._answered(subscription, subscription.flight, request.error)

    def _answered(self, subscription: _Subscription, flight: Flight, error: str) -> None:
        subscription.flight = None
        if not error:
            subscription.good = dict(subscription.sent)
            return
        new = {n: v for n, v in flight.versions.items() if flight.before.get(n) != v}
        verdict = judge(new, error)
        for name in verdict.guilty:
            reason = reason_of(name, error, flight.versions)
            subscription.nacks[name] = Nack(subscription.rule.type_url, name, new[name], reason)
        subscription.suspects.extend(verdict.again)
        subscription.changed = True

    def touch(self, type_url: str, name: str) -> None:
        """Say that a resource may have changed, appeared or gone."""
        subscription = self._subscriptions.get(type_url)
        if subscription is not None and (not subscription.names or name in subscription.names):
            subscription.changed = True

    def nacks(self) -> tuple[Nack, ...]:
        """What the receiver did not take, in a stable order."""
        found = [nack for one in self._subscriptions.values() for nack in one.nacks.values()]
        return tuple(sorted(found, key=lambda nack: (nack.type_url, nack.name)))

    def due(self) -> float | None:
        """When `next_response` must be asked again though nothing happens; loop time."""
        flights = [c.flight for c in self._subscriptions.values() if c.flight and c.changed]
        return min(f.sent_at for f in flights) + ACK_DEADLINE_SECONDS if flights else None

    def next_response(self, now: float) -> StateResponse | None:
        """The next response to write, None when there is nothing to send now."""
        for type_url, rule in self._rules.items():
            subscription = self._subscriptions.get(type_url)
            if subscription is None or not subscription.changed or not _is_free(subscription, now):
                continue
            if not all(self._is_settled(t, now) for t in rule.after):
                continue
            response = self._build(subscription, now)
            if response is not None:
                return response
        return None

    def _is_settled(self, type_url: str, now: float) -> bool:
        subscription = self._subscriptions.get(type_url)
        return subscription is None or (not subscription.changed and _is_free(subscription, now))

    def _build(self, subscription: _Subscription, now: float) -> StateResponse | None:
        type_url = subscription.rule.type_url
        if not self._view.is_complete(type_url) and not subscription.started:
            return None  # unknown is not absent
        group = subscription.suspects.pop(0) if subscription.suspects else None
        wanted = subscription.names or sorted(self._view.names(type_url))
        chosen = {}
        for name in wanted:
            found = self._choose(subscription, name, group)
            if found is not None:
                chosen[name] = found
        subscription.changed = bool(subscription.suspects)
        if subscription.started and chosen == subscription.sent and group is None:
            return None
        return self._sent(subscription, chosen, now)

    def _choose(
        self, subscription: _Subscription, name: str, group: tuple[str, ...] | None
    ) -> Resource | None:
        found = self._view.get(subscription.rule.type_url, name)
        if found is None:
            return None
        refused = subscription.nacks.get(name)
        is_refused = refused is not None and refused.version == found.version
        is_held_back = group is not None and name not in group
        return subscription.good.get(name) if is_refused or is_held_back else found

    def _sent(
        self, subscription: _Subscription, chosen: dict[str, Resource], now: float
    ) -> StateResponse:
        self._nonces += 1
        versions = {name: r.version for name, r in chosen.items()}
        before = {name: r.version for name, r in subscription.good.items()}
        subscription.flight = Flight(str(self._nonces), now, versions, before)
        subscription.sent = chosen
        subscription.started = True
        digest = sha256("".join(f"{n}={v};" for n, v in sorted(versions.items())).encode())
        return StateResponse(
            subscription.rule.type_url,
            str(self._nonces),
            digest.hexdigest()[:16],
            tuple(chosen.values()),
        )


def _is_free(subscription: _Subscription, now: float) -> bool:
    return subscription.flight is None or subscription.flight.is_late(now)
