"""What the controller decides, as a session without I/O: reports in, facts for all who listen out.

Holds the registry, what each cluster's agent has said, and the senders of those who listen. Next:
`federation.controller.sessions`, which moves messages and rows, and tells the time.
"""

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from federation.controller.admission.refused_reports import RefusedReport, RefusedReports
from federation.controller.admission.report_rules import has_other_word, may_export
from federation.controller.admission.withdrawals import Withdrawals
from federation.controller.facts.presence import Presence
from federation.controller.facts.registry import KNOWN_BEFORE, Registry, Touched
from federation.controller.facts.retained import Held, Retained
from federation.controller.facts.visibility import Visible
from federation.controller.member import Member, is_shut_out
from federation.controller.store.store import Row
from federation.model.errors import InvalidInput
from federation.model.names import ClusterId
from federation.model.since import FirstSeen
from federation.wire import codec
from federation.wire.codec.kind import reporter_of
from federation.xds.batches import SharedBatches
from federation.xds.held_type import Change
from federation.xds.messages import Point
from federation.xds.receiver import Received, Receiver
from federation.xds.resources import resource
from federation.xds.sender import Sender

NewlyRefused = tuple[RefusedReport, ...]


@dataclass(slots=True)
class _Speaker:
    """One cluster's reports: as they are said, what of them is passed on, which are whole."""

    receiver: Receiver
    withdrawals: Withdrawals
    heard: set[str] = field(default_factory=set)


class Hub:
    """The flow through the controller.

    `wake` is called when listeners may have something to hear, `on_change` when there is something
    to write: `unsaved` are the rows that the store does not have yet, by their key.
    """

    def __init__(
        self,
        registry: Registry,
        wake: Callable[[], None] = lambda: None,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self.registry = registry
        self.retained = Retained(registry.members, on_change)
        self.unsaved: dict[tuple[str, str, str], Row] = {}
        self.revision = 0
        self.reserved = 0
        self._epoch = ""
        self._wake = wake
        self._on_change = on_change
        self._senders: set[Sender] = set()
        self._batches = SharedBatches()
        self._speakers: dict[ClusterId, _Speaker] = {}
        self._presence: dict[ClusterId, Presence] = {}
        self._lost: set[ClusterId] = set()
        self.found = FirstSeen()
        """Since when problems are there (`federation.controller.views.status`)."""

    def restore(
        self, epoch: str, revision: int, members: Iterable[Member], rows: Iterable[Row]
    ) -> tuple[str, ...]:
        """Begin with what the store holds; returns what of it may not be said any more, and why.

        Reports of clusters that are none any more, or are shut out, go from the store: whoever took
        them back may have died before that was written.
        """
        self._epoch, self.revision = epoch, revision
        for member in members:
            self.registry.set_member(member)
        found: dict[ClusterId, list[Row]] = {}
        for row in rows:
            found.setdefault(ClusterId(row.cluster), []).append(row)
        refused: list[str] = []
        for cluster, member in self.registry.members.items():
            if not is_shut_out(member):
                self._restore(cluster, found.pop(cluster, []), refused)
        for row in (row for rows in found.values() for row in rows):
            self._unsave(replace(row, body=None))
        self._stand()
        self._complete_when_all_reported()
        return tuple(refused)

    def _restore(self, cluster: ClusterId, found: list[Row], refused: list[str]) -> None:
        speaker = self._speaker(cluster)
        read = [(row, self._read(cluster, row, refused)) for row in found]
        stored = [(row, change) for row, change in read if change is not None]
        for type_url in codec.REPORTS:
            said = [c.resource for _, c in stored if c.type_url == type_url and c.resource]
            speaker.receiver.restore(type_url, said, None, complete=bool(stored))
        speaker.withdrawals.restore(change for _, change in stored)
        for row, change in stored:
            self.registry.apply(cluster, [change], row.first_seen)

    def _read(self, cluster: ClusterId, row: Row, refused: list[str]) -> Change | None:
        """What was stored, if it may still be said: the operator's word may have changed."""
        said = resource(row.name, row.body or b"")
        try:
            value = self.registry.reader(cluster)(row.type_url, said)
        except InvalidInput as error:
            refused.append(f"{row.name} of cluster {cluster}: {error}")
            return None
        return Change(row.type_url, row.name, said, value)

    def _speaker(self, cluster: ClusterId) -> _Speaker:
        if cluster not in self._speakers:
            read = self.registry.reader(cluster)
            receiver = Receiver("controller", codec.REPORTS, read, codec.LIMITS)
            self._speakers[cluster] = _Speaker(receiver, Withdrawals(receiver))
        return self._speakers[cluster]

    def receiver(self, cluster: ClusterId) -> Receiver:
        """The session that takes a cluster's reports; it outlives streams."""
        return self._speaker(cluster).receiver

    def presence(self, cluster: ClusterId) -> Presence:
        """What is seen of a cluster's agent."""
        return self._presence.setdefault(cluster, Presence())

    def held_back(self, cluster: ClusterId) -> str:
        """What the guard holds back of a cluster, in a sentence; empty when nothing."""
        return self._speaker(cluster).withdrawals.problem(cluster)

    def waited_for(self, cluster: ClusterId) -> str:
        """That a cluster has not reported to this store, in a sentence; empty when it has."""
        if cluster not in self.retained.clusters:
            return ""
        return (
            "it has not reported since the store began anew: others keep what they knew of it. If "
            f"it will not come back, say: fedctl cluster confirm {cluster}"
        )

    def set_member(self, member: Member) -> bool:
        """Spread the operator's word about a cluster, already on the disk.

        Returns whether it may say other things than before: what it reported and must not any more
        goes at once, and its agent should tell again what was refused.
        """
        before = self.registry.members.get(member.id)
        self._spread(self.registry.set_member(member))
        if before is None or not has_other_word(member, before):
            return False
        speaker = self._speaker(member.id)
        gone = speaker.withdrawals.overrule(
            speaker.receiver.check_again(), lambda service: may_export(member, service)
        )
        self._pass_on(member.id, gone, 0)
        return True

    def silence(self, cluster: ClusterId) -> None:
        """Take back all that a cluster said; whatever it says from now on is new."""
        self._pass_on(cluster, self.registry.withdrawals(cluster), 0)
        self._speakers.pop(cluster, None)
        presence = self.presence(cluster)
        presence.seen_before = presence.last_seen or presence.seen_before
        presence.last_seen, presence.turns, presence.refused_reports = None, (), RefusedReports()
        if self.retained.reported(cluster):
            self.reconsider()
        self._complete_when_all_reported()

    def remove_member(self, cluster: ClusterId) -> None:
        """Forget a cluster whose reports were taken back: it is believed no more."""
        self.silence(cluster)
        self.presence(cluster).seen_before = None
        self._spread(self.registry.remove_member(cluster))

    def listen(self, cluster: ClusterId) -> Sender:
        """A new listener's session; end it by `leave`."""
        keeper = Held(self.retained, self._epoch)
        view = Visible(self.registry.table, self.registry.members, self._lost, cluster)
        sender = Sender(view, codec.FACT_RULES, keeper=keeper, shared=self._batches)
        self._senders.add(sender)
        self.presence(cluster).streams += 1
        return sender

    def leave(self, cluster: ClusterId, sender: Sender) -> None:
        """A listener's stream has ended."""
        self._senders.discard(sender)
        self.presence(cluster).streams -= 1

    def apply(self, cluster: ClusterId, received: Received, now: float) -> NewlyRefused:
        """Take what the receiver took of a cluster's reports; `now` in seconds since 1970.

        Returns what was refused and was not known to be.
        """
        self.presence(cluster).last_seen = now
        speaker = self._speaker(cluster)
        is_first = received.completed or not speaker.receiver.is_complete(codec.EXPORT)
        first_seen = 0 if is_first else int(now)  # a first report is taken at its word
        if is_first and cluster in self.retained.clusters:
            first_seen = KNOWN_BEFORE
        fresh = self._note(cluster, received, now)
        self._pass_on(cluster, speaker.withdrawals.take(received.changes, now), first_seen)
        if received.is_whole:
            speaker.heard.add(received.reply.type_url)
            if speaker.heard.issuperset(codec.AWAITED):
                self.registry.mark_reported(cluster)
                self._complete_when_all_reported()
                if self.retained.reported(cluster):
                    self.reconsider()
        return fresh

    def set_lost(self, lost: AbstractSet[ClusterId]) -> None:
        """Say which clusters are lost: nobody is led to their endpoints (headless services)."""
        changed = self._lost ^ lost
        if not changed:
            return
        self._lost.clear()
        self._lost |= lost
        self._spread({(t, n) for t, n in self.registry.of_networks() if reporter_of(n) in changed})

    def reconsider(self) -> None:
        """Compare anew what every agent holds: nothing of somebody is retained any more."""
        for sender in self._senders:
            sender.reconsider()
        self._wake()

    def confirm(self, cluster: ClusterId, now: float) -> None:
        """A person says that what is held back of a cluster is meant so, or that it stays away."""
        self._pass_on(cluster, self._speaker(cluster).withdrawals.confirm(), int(now))
        if self.retained.reported(cluster):
            self.reconsider()

    def _pass_on(self, cluster: ClusterId, changes: Iterable[Change], first_seen: int) -> None:
        passed = tuple(changes)
        touched = self.registry.apply(cluster, passed, first_seen)
        for change in passed:
            if not codec.REPORTED[change.type_url].stored:
                continue
            body = change.resource.body if change.resource is not None else None
            key = (cluster, change.type_url, change.name)
            is_export = change.type_url == codec.EXPORT
            age = self.registry.created(cluster, change.name) if is_export else max(0, first_seen)
            self._unsave(Row(*key, body, age))
        self._spread(touched)

    def _unsave(self, row: Row) -> None:
        """Have a row written."""
        self.unsaved[row.cluster, row.type_url, row.name] = row
        self._on_change()

    def _note(self, cluster: ClusterId, received: Received, now: float) -> NewlyRefused:
        reply = received.reply
        whole = "" if received.refused else reply.error
        return self.presence(cluster).refused_reports.take(
            reply.type_url, received.refused, received.settled, whole, now
        )

    def _complete_when_all_reported(self) -> None:
        if not self.is_complete() and self.registry.has_all_reported():
            self.end_grace()

    def is_complete(self) -> bool:
        """Whether what is not known was declared not to exist."""
        return self.registry.table.is_complete(codec.SERVICE)

    def end_grace(self) -> bool:
        """What is not known by now does not exist; returns whether that was not said before."""
        if self.is_complete():
            return False
        self.registry.table.mark_complete(*codec.FACTS)
        self._wake()
        return True

    def _spread(self, touched: Touched) -> None:
        if not touched:
            return
        if self.revision < self.reserved:
            self.revision += 1
        self._stand()
        for sender in self._senders:
            for type_url, name in touched:
                sender.touch(type_url, name)
        self._wake()

    def _stand(self) -> None:
        self.registry.table.stand_at(Point(self._epoch, self.revision))

    def take_unsaved(self) -> tuple[Row, ...]:
        """The rows to write now."""
        rows, self.unsaved = self.unsaved, {}
        return tuple(rows.values())

    def put_back(self, rows: Iterable[Row]) -> None:
        """Those rows could not be written; what changed since then counts."""
        before = {(row.cluster, row.type_url, row.name): row for row in rows}
        self.unsaved = before | self.unsaved
