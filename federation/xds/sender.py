"""The sender's half of a sync stream: incremental, without queues.

In: requests of the receiver (`receive`), names that changed (`touch`). Out: responses, asked for
one by one (`next_response`) when the stream can take one; bytes are read from the view only then,
so a slow receiver costs a set of names and always gets the newest. What is known of one type is a
`federation.xds.subscription`; here is the order among types. The other half is
`federation.xds.receiver`.
"""

from collections.abc import Iterable, Sequence

from federation.model.errors import PeerBroke
from federation.xds.batches import Batch, SharedBatches
from federation.xds.in_flight import ACK_DEADLINE_SECONDS, Flight
from federation.xds.messages import MAX_NAME, WILDCARD, Request, Response
from federation.xds.nacks import Nack
from federation.xds.resources import Resource
from federation.xds.rules import Keeper, Rule
from federation.xds.snapshot import View
from federation.xds.subscription import Subscription

MAX_STARTS = 10
"""How often a receiver may start over on one stream; ours does so at most once."""


class Sender:
    """Sends what a view holds to one receiver. `marks` adds point and Complete (not for Envoy).

    `shared` has the batches of others who are sent the same, if there are any.
    """

    def __init__(
        self,
        view: View,
        rules: Iterable[Rule],
        *,
        marks: bool = True,
        keeper: Keeper | None = None,
        shared: SharedBatches | None = None,
    ) -> None:
        self._view = view
        self._keeper = keeper
        self._shared = shared
        self._rules = {rule.type_url: rule for rule in rules}
        self._subscriptions: dict[str, Subscription] = {}
        self._marks = marks
        self._nonces = 0
        self.node = ""
        self.is_waiting = True
        """Whether a request of the receiver may be what the next response waits for."""

    def receive(self, request: Request, now: float) -> None:
        """Take one request; unknown types are ignored. Raises PeerBroke beyond all limits."""
        rule = self._rules.get(request.type_url)
        if rule is None:
            return
        self.node = self.node or request.node[:MAX_NAME]
        found = self._subscriptions.get(request.type_url)
        if found is None:
            wildcard = not request.subscribe or WILDCARD in request.subscribe
            found = Subscription(rule, self._view, wildcard=wildcard)
            self._subscriptions[request.type_url] = found
            self._start(found, request)
        elif WILDCARD in request.subscribe:
            found.wildcard = True
            self._start(found, request)
            found.starts += 1
            if found.starts > MAX_STARTS:
                raise PeerBroke(f"{request.type_url} was asked for anew {MAX_STARTS} times")
        found.change(request)
        if request.nonce:
            found.answered(request.nonce, request.error)
        if request.error or request.subscribe or request.unsubscribe:
            self.is_waiting = True

    def _start(self, found: Subscription, request: Request) -> None:
        found.start(request)
        self.is_waiting = True
        if self._keeper is not None:
            self._keeper.claim(request.type_url, found.held, request.point)

    def touch(self, type_url: str, name: str) -> None:
        """Say that a resource may have changed, appeared or gone."""
        found = self._subscriptions.get(type_url)
        if found is not None:
            found.touch(name)

    def forget(self, type_url: str, name: str) -> None:
        """Say that the receiver has not got something, whatever it was sent."""
        found = self._subscriptions.get(type_url)
        if found is not None:
            found.forget(name)

    def send_again(self, type_url: str, names: Iterable[str]) -> None:
        """Send these in the version that was refused: what stood in their way was not in them."""
        found = self._subscriptions.get(type_url)
        if found is not None:
            found.send_again(names)

    def answered(self, type_url: str) -> dict[str, str]:
        """What the receiver has answered and nothing newer of is on its way, by name.

        Why it was refused, or nothing for what was taken.
        """
        found = self._subscriptions.get(type_url)
        return found.answers() if found is not None else {}

    def has_answered(self, type_url: str, name: str) -> bool:
        """Whether the receiver has taken the newest of a name, or refused it."""
        found = self._subscriptions.get(type_url)
        return found is not None and found.has_answered(name)

    def version(self, type_url: str, name: str) -> str | None:
        """The version of a name that the receiver has, or is about to have."""
        found = self._subscriptions.get(type_url)
        return found.held.get(name) if found is not None else None

    def reconsider(self) -> None:
        """Say that the keeper has let go of something: all is compared again."""
        for found in self._subscriptions.values():
            found.touch_all()

    def nacks(self) -> tuple[Nack, ...]:
        """What the receiver did not take, in a stable order."""
        found = [nack for one in self._subscriptions.values() for nack in one.nacks.values()]
        return tuple(sorted(found, key=lambda nack: (nack.type_url, nack.name)))

    def overdue(self, now: float) -> tuple[tuple[str, str], ...]:
        """Type and name of what was sent and not answered in time, sorted."""
        found = self._subscriptions.items()
        return tuple(sorted({(t, name) for t, one in found for name in one.overdue(now)}))

    def is_quiet(self) -> bool:
        """Whether the receiver has acknowledged all there is."""
        return all(found.is_quiet() for found in self._subscriptions.values())

    def has_taken(self, type_url: str) -> bool:
        """Whether the receiver has taken all there is of a type, in its last version."""
        found = self._subscriptions.get(type_url)
        return found is not None and found.has_taken_all()

    def due(self) -> float | None:
        """When `next_response` must be asked again though nothing happens; loop time in seconds."""
        flights = (found.in_flight.current for found in self._subscriptions.values())
        sent = [flight.sent_at for flight in flights if flight is not None]
        return min(sent) + ACK_DEADLINE_SECONDS if sent else None

    def next_response(self, now: float) -> Response | None:
        """The next response to write, None when there is nothing to send now."""
        keeper = self._keeper if self._keeper is not None and self._keeper.keeps_any() else None
        for type_url in self._rules:
            found = self._subscriptions.get(type_url)
            if found is None or not found.in_flight.make_room(now) or found.has_told_all():
                continue
            response = self._build(found, keeper, now)
            if response is not None:
                return response
        self.is_waiting = not all(one.has_told_all() for one in self._subscriptions.values())
        return None

    def _build(self, found: Subscription, keeper: Keeper | None, now: float) -> Response | None:
        complete = self._view.is_complete(found.rule.type_url)
        if found.wildcard and not found.started and not complete and not found.held:
            return None  # unknown is not absent: a first answer is a whole one
        is_next = self._are_settled(found.rule.after, keeper, now)
        changes = found.take_changes(keeper) if is_next else []
        removed: list[str] = []
        if complete and (not changes or found.in_flight.late):
            removed = self._removals(found, keeper, now)
        last = complete and found.is_idle()
        if not changes and not removed and not self._owes_answer(found, last):
            return None
        return self._sent(found, changes, removed, last, now)

    def _owes_answer(self, found: Subscription, last: bool) -> bool:
        """Whether an empty response says something: nothing exists, or everything was said."""
        if found.wildcard and not found.started:
            return last
        return self._marks and last and not found.told_complete

    def _removals(self, found: Subscription, keeper: Keeper | None, now: float) -> list[str]:
        """What is to be told as gone, when what may name it is settled, with its removals."""
        found.compare(keeper)
        if not found.gone:
            return []
        others = tuple(t for t in found.rule.removals_after if t != found.rule.type_url)
        if not self._are_settled(others, keeper, now) or self._have_removals(others):
            return []
        return found.take_removals(keeper)

    def _are_settled(self, type_urls: tuple[str, ...], keeper: Keeper | None, now: float) -> bool:
        """Whether those types have nothing to change and nothing unanswered."""
        found = (self._subscriptions.get(t) for t in type_urls)
        return not any(f is not None and f.is_changing(keeper, now) for f in found)

    def _have_removals(self, type_urls: tuple[str, ...]) -> bool:
        """Whether something of those types is gone and the receiver was not told yet."""
        found = (self._subscriptions.get(type_url) for type_url in type_urls)
        return any(one is not None and one.has_removals() for one in found)

    def _sent(
        self,
        found: Subscription,
        changes: Sequence[Resource],
        removed: list[str],
        last: bool,
        now: float,
    ) -> Response:
        self._nonces += 1
        nonce = str(self._nonces)
        batch = self._shared.of(changes) if self._shared is not None else Batch(changes)
        before = found.before(batch.versions)
        found.sent(Flight(nonce, now, batch.versions, before), removed, last=last)
        self._send_companions(found.rule.companion, batch.versions)
        return Response(
            found.rule.type_url,
            nonce,
            batch,
            tuple(removed),
            self._view.point() if self._marks else None,
            len(found.held) if self._marks and last else None,
        )

    def _send_companions(self, type_url: str, names: Iterable[str]) -> None:
        companion = self._subscriptions.get(type_url)
        if companion is not None:
            for name in names:
                if name in companion.names:
                    companion.force(name)
