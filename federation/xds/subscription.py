"""One type on one stream: what the receiver asks for, what it has, what differs from the view.
A name that changed is noted (`touch`) and compared with the view once; what is found then is ready
to be sent, or waits to be told as gone. So the work grows with what changed and was sent, never
with what waits. The order among types is the business of `federation.xds.sender`.
"""

from collections.abc import Iterable

from federation.xds.asked import AskedNames
from federation.xds.batches import fits, removal_fits
from federation.xds.in_flight import Flight, InFlight
from federation.xds.messages import WILDCARD, Request
from federation.xds.nacks import Nack, judge, reason_of
from federation.xds.resources import Resource
from federation.xds.rules import Keeper, Rule
from federation.xds.snapshot import View


class Subscription:
    """`held` is what the receiver has, or is about to have: versions by name.

    `dirty` are the names to compare, `ready` is what is to be sent, and of the names in `gone`
    there is nothing in the view, which the receiver is to be told. `suspects` are the parts of
    refused responses that go alone.
    """

    def __init__(self, rule: Rule, view: View, *, wildcard: bool) -> None:
        self.rule = rule
        self.wildcard = wildcard
        self.started = False
        self.told_complete = False
        self.starts = 0
        self.names = AskedNames(rule.type_url)
        self.held: dict[str, str] = {}
        self.dirty: dict[str, None] = {}
        self.ready: dict[str, Resource] = {}
        self.gone: dict[str, None] = {}
        self.suspects: list[tuple[str, ...]] = []
        self.nacks: dict[str, Nack] = {}
        self.in_flight = InFlight()
        self._view = view
        self._forced: set[str] = set()
        self._taken = 0

    def start(self, request: Request) -> None:
        """The receiver says what it holds: from here on the difference is ours to send."""
        self.held = dict(request.initial_versions)
        self.told_complete = False
        if self.wildcard:
            self.touch_all()

    def change(self, request: Request) -> None:
        """Follow what is asked for, and what no more; raises PeerBroke beyond the limits."""
        for name in request.subscribe:
            if name != WILDCARD:
                self.names.add(name)
                self.dirty[name] = None
                if name not in request.initial_versions:
                    self.held.pop(name, None)
        for name in request.unsubscribe:
            self.names.discard(name)
            if not self.wildcard:
                self.forget(name)

    def forget(self, name: str) -> None:
        """The receiver has not got it, and nothing is to be said of it for now."""
        for known in (self.held, self.dirty, self.ready, self.gone):
            known.pop(name, None)

    def wants(self, name: str) -> bool:
        """Whether the receiver asked for it."""
        return self.wildcard or name in self.names

    def touch(self, name: str) -> None:
        """Something of that name may have changed, appeared or gone."""
        if self.wildcard or name in self.names or name in self.held:
            self.dirty[name] = None

    def touch_all(self) -> None:
        """Compare everything that the receiver wants or has."""
        for name in self._view.names(self.rule.type_url):
            self.touch(name)
        self.dirty.update(dict.fromkeys(self.held))

    def force(self, name: str) -> None:
        """Send this though the receiver has it."""
        self._forced.add(name)
        self.dirty[name] = None

    def send_again(self, names: Iterable[str]) -> None:
        """Send these though the receiver has refused them in this version."""
        for name in names:
            self.nacks.pop(name, None)
            if self.wants(name):
                self.force(name)

    def is_idle(self) -> bool:
        """Whether there is nothing to compare and nothing to send."""
        return not (self.dirty or self.ready or self.gone or self.suspects)

    def has_told_all(self) -> bool:
        """Whether there is nothing to send, not even that this is all."""
        return self.told_complete and self.is_idle()

    def is_quiet(self) -> bool:
        """Whether the receiver has answered all there is."""
        return self.in_flight.current is None and self.is_idle()

    def has_taken_all(self) -> bool:
        """Whether the receiver has taken all there is, in its last version."""
        return self.is_quiet() and not self.in_flight.late and not self.nacks

    def answers(self) -> dict[str, str]:
        """What was answered and nothing newer of is to be sent: why it was refused, or nothing."""
        sent = {name for flight in self.in_flight for name in flight.versions}
        waiting = self.dirty.keys() | self.ready.keys() | self.gone.keys() | sent
        refused = {n: nack.reason for n, nack in self.nacks.items() if n not in sent}
        return dict.fromkeys(self.held.keys() - waiting, "") | refused

    def has_answered(self, name: str) -> bool:
        """Whether the newest of a name was taken, or refused."""
        is_flying = any(name in flight.versions for flight in self.in_flight)
        waits = is_flying or name in self.dirty or name in self.ready or name in self.gone
        return not waits and (name in self.held or name in self.nacks)

    def overdue(self, now: float) -> set[str]:
        """What was sent, is the newest of its name, and was not answered in time."""
        return {
            name
            for flight in self.in_flight
            if flight.is_late(now)
            for name, version in flight.versions.items()
            if self.held.get(name) == version
        }

    def answered(self, nonce: str, error: str) -> None:
        """The receiver has taken a response, or refused it."""
        flight = self.in_flight.answered(nonce)
        if flight is None:
            return
        if error:
            self._refused(flight, error)
        elif self.nacks:
            for name in flight.versions:
                self.nacks.pop(name, None)

    def _refused(self, flight: Flight, error: str) -> None:
        verdict = judge(flight.versions, error)
        for name, version in flight.versions.items():
            if self.held.get(name) == version:
                self._take_back(name, flight.before.get(name))
        for name in verdict.guilty:
            reason = reason_of(name, error, flight.versions)
            self.nacks[name] = Nack(self.rule.type_url, name, flight.versions[name], reason)
            self.touch(name)
        self.suspects.extend(verdict.again)

    def _take_back(self, name: str, before: str | None) -> None:
        if before is None:
            self.held.pop(name)
        else:
            self.held[name] = before

    def compare(self, keeper: Keeper | None) -> None:
        """Compare what is dirty with the view: from here on it is ready, gone, or as it should."""
        for name in tuple(self.dirty):
            found = self._found(name, keeper)
            del self.dirty[name]  # only now: views and keepers ask what was answered
            if found is not None:
                self.ready[name] = found
            else:
                self.ready.pop(name, None)

    def _found(self, name: str, keeper: Keeper | None) -> Resource | None:
        """What is to be sent of a name; when nothing is there, note whether to tell that."""
        if keeper is not None and self._is_kept(name, keeper):
            return None
        found = self._view.get(self.rule.type_url, name)
        if found is None:
            if name in self.held or name in self.names or name in self.nacks:
                self.gone[name] = None
            return None
        if self.gone:
            self.gone.pop(name, None)
        if self._is_due(found):
            return found
        self._forced.discard(name)
        return None

    def _is_kept(self, name: str, keeper: Keeper) -> bool:
        return name in self.held and keeper.keeps(self.rule.type_url, name)

    def _is_due(self, found: Resource) -> bool:
        name = found.name
        if not self.wildcard and name not in self.names:
            return False
        if self.nacks:
            nack = self.nacks.get(name)
            if nack is not None and nack.version == found.version:
                return False
        return self.held.get(name) != found.version or name in self._forced

    def is_changing(self, keeper: Keeper | None, now: float) -> bool:
        """Whether something is to be sent that is there, or was sent and is to be answered."""
        if self.suspects or self.in_flight.waits(now):
            return True
        self.compare(keeper)
        return bool(self.ready)

    def take_changes(self, keeper: Keeper | None) -> list[Resource]:
        """What is sent next: as much as fits into one response."""
        self.compare(keeper)
        while self.suspects:
            chosen = self._of_suspects(self.suspects.pop(0), keeper)
            if chosen:
                return chosen
        return self._of_ready(keeper)

    def _of_suspects(self, group: tuple[str, ...], keeper: Keeper | None) -> list[Resource]:
        """Of a response that was refused, the part that goes alone now."""
        chosen: list[Resource] = []
        size = 0
        for name in group:
            found = self._found(name, keeper)
            if found is None:
                continue
            if fits(len(chosen), size, found):
                chosen.append(found)
                size += len(found.body)
                self.ready.pop(name, None)
                self._forced.discard(name)
            else:
                self.dirty[name] = None
        return chosen

    def _of_ready(self, keeper: Keeper | None) -> list[Resource]:
        chosen: list[Resource] = []
        taken: list[str] = []
        size = 0
        for name, found in self.ready.items():
            if not fits(len(chosen), size, found):
                break
            taken.append(name)
            if self._is_due(found) and not (keeper is not None and self._is_kept(name, keeper)):
                chosen.append(found)
                size += len(found.body)
        for name in taken:
            del self.ready[name]
        self._forced.difference_update(taken)
        self._taken += len(taken)
        if self._taken > len(self.ready):  # a dict is not read past what was taken off for nothing
            self.ready, self._taken = dict(self.ready), 0
        return chosen

    def has_removals(self) -> bool:
        """Whether something that the receiver has is gone, and it was not told yet."""
        return any(name in self.held for name in self.gone)

    def take_removals(self, keeper: Keeper | None) -> list[str]:
        """The names that are told as gone next: as many as fit into one response."""
        told: list[str] = []
        over: list[str] = []
        size = 0
        for name in self.gone:
            if not self._is_gone(name, keeper):
                over.append(name)
                continue
            if not removal_fits(len(told), size, name):
                break
            told.append(name)
            size += len(name)
        for name in (*told, *over):
            del self.gone[name]
        for name in told:
            self.nacks.pop(name, None)
        return told

    def _is_gone(self, name: str, keeper: Keeper | None) -> bool:
        """Whether the receiver must still be told: it may have come back, or be kept since."""
        if self._view.get(self.rule.type_url, name) is not None:
            return False
        if keeper is not None and self._is_kept(name, keeper):
            return False
        return name in self.held or name in self.names or name in self.nacks

    def before(self, versions: dict[str, str]) -> dict[str, str]:
        """Of some names the versions that the receiver has now."""
        held = self.held
        return {name: held[name] for name in versions.keys() & held.keys()} if held else {}

    def sent(self, flight: Flight, removed: Iterable[str], *, last: bool) -> None:
        """A response goes out; `last`: after it the receiver has everything."""
        self.held.update(flight.versions)
        for name in removed:
            self.held.pop(name, None)
        self.started = True
        self.told_complete = self.told_complete or last
        self.in_flight.current = flight
