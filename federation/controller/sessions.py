"""The controller's main flow: reports of agents in, facts to agents out, the store behind.

One `Sessions` runs every open stream. It moves messages and rows and tells the time; what they
mean is decided in `hub`.
"""

import asyncio
import logging
from collections.abc import Iterable

from federation.controller.facts.hub import Hub
from federation.controller.facts.liveness import life_of
from federation.controller.facts.presence import Presence
from federation.controller.facts.registry import Registry
from federation.controller.facts.retained import RETAINED
from federation.controller.member import Member, is_shut_out
from federation.controller.store.store import StateStore
from federation.controller.trust.anchors import has_lost_its_word, still_good
from federation.controller.views.cluster_problems import is_off
from federation.controller.views.controller_problems import Own
from federation.controller.views.status import all_problems
from federation.model.errors import Failed
from federation.model.names import ClusterId
from federation.planning.liveness import Life
from federation.runtime.clock import wall_seconds
from federation.runtime.logs import event
from federation.runtime.loops import Loop, troubles
from federation.wire.rpc.heartbeat import Heard
from federation.wire.rpc.run_session import receive, send
from federation.wire.rpc.stream_slots import Streams
from federation.wire.rpc.streams import Link
from federation.xds.messages import Request, Response
from federation.xds.receiver import Received

log = logging.getLogger(__name__)

COALESCE_SECONDS = 0.02
"""After a change the agents are told of it, and of all that changed meanwhile. They reach the same
state by half the messages when changes follow each other, and are sent the same batches."""
WRITE_BEHIND_SECONDS = 0.2
REVISIONS_RESERVED = 100_000
WRITE_AGAIN_SECONDS = 2.0
REFUSAL_LINE_SECONDS = 1.0
VERDICT_SECONDS = 1.0
MAX_FACT_STREAMS = 4
"""Of one cluster: those of two agents, and as many that are about to end."""
_ENDED = (
    "the controller ended this stream: another agent speaks for the cluster, or what it "
    "may say was changed"
)
GRACE_SECONDS = 10.0
"""How long after its start the controller waits for clusters to report before it says that what it
does not know does not exist. Reports are written behind, so the last 200 ms may be missing."""


class Sessions:
    """The hub with its streams and its store."""

    def __init__(self, registry: Registry, store: StateStore) -> None:
        self.registry = registry
        self._changed = asyncio.Event()
        self.hub = Hub(registry, self._wake, self._changed.set)
        self._store = store
        self._listeners: set[asyncio.Event] = set()
        self._waking: asyncio.TimerHandle | None = None
        self._reports = Streams(_ENDED)
        self._facts = Streams(_ENDED)
        self._said_at: dict[ClusterId, float] = {}
        self._retained_saved: dict[ClusterId, int] = {}
        self._loops: tuple[Loop, ...] = ()
        self._flushing = asyncio.Lock()
        self._writing = Loop(
            "writing",
            self._write,
            says="reports cannot be written",
            longest_pause=WRITE_AGAIN_SECONDS,
            explained=(Failed,),
        )

    @property
    def revision(self) -> int:
        """Where the facts stand."""
        return self.hub.revision

    async def load(self, members: Iterable[Member]) -> None:
        """Take back what the store holds."""
        first = await self._store.reserve_revisions(REVISIONS_RESERVED)
        self.hub.reserved = first + REVISIONS_RESERVED - 1
        rows = await self._store.load_reports()
        good = [still_good(member, wall_seconds()) for member in members]
        for refused in self.hub.restore(self._store.epoch, first, good, rows):
            log.warning(event("stored report left out", reason=refused))
        for key, entry in (await self._store.read_all(RETAINED)).entries.items():
            cluster = ClusterId(key.removeprefix(RETAINED))
            self._retained_saved[cluster] = entry.revision
            self.hub.retained.add(cluster)

    def presence(self, cluster: ClusterId) -> Presence:
        """What is seen of a cluster's agent."""
        return self.hub.presence(cluster)

    def put_member(self, member: Member) -> None:
        """Spread what the store says of a cluster; anchors whose end has come are left out.

        When it may say other things now, its stream of reports ends: it then says them again. When
        a key speaks for it no more, all its streams end: they may be that key's. Of one that was
        revoked, or leaves, nothing counts any more.
        """
        self._spread(still_good(member, wall_seconds()))
        if is_shut_out(member):
            self._end_streams(member.id)
            self.hub.silence(member.id)

    def trust_less(self, member: Member) -> None:
        """Take anchors or words from a member that the store still gives it.

        Their end has come, or the disk does not take it that another key speaks. What the store
        says next of the cluster counts again.
        """
        known = self.registry.members.get(member.id)
        if known is not None and known.revision == member.revision:
            self._spread(member)

    def _spread(self, member: Member) -> None:
        before = self.registry.members.get(member.id)
        if before is not None and has_lost_its_word(before, member):
            log.info(event("another key speaks for the cluster", cluster=member.id))
            self._end_streams(member.id)
        if self.hub.set_member(member) and self._reports.has(member.id):
            log.info(event("cluster may report other things", cluster=member.id))
            self._reports.end(member.id)

    def remove_member(self, cluster: ClusterId) -> None:
        """Spread that a cluster has left."""
        self._end_streams(cluster)
        self.hub.remove_member(cluster)

    def _end_streams(self, cluster: ClusterId) -> None:
        self._reports.end(cluster)
        self._facts.end(cluster)

    def hear_clock(self, cluster: ClusterId, ahead: float | None) -> None:
        """An agent said how late it is with it; said in the log when that begins to be wrong."""
        presence = self.presence(cluster)
        before, presence.clock = presence.clock, ahead
        if ahead is not None and is_off(ahead) and not (before is not None and is_off(before)):
            log.warning(event("clocks differ", cluster=cluster, seconds_ahead=round(ahead)))

    def confirm(self, cluster: ClusterId) -> str:
        """Let pass what is held back of a cluster; returns what that was, or nothing."""
        found = (self.hub.held_back(cluster), self.hub.waited_for(cluster))
        held = "; ".join(filter(None, found))
        if held:
            log.warning(event("withdrawal confirmed", cluster=cluster, held=held))
            self.hub.confirm(cluster, wall_seconds())
        return held

    def _wake(self) -> None:
        """Have all agents told of what has changed, soon."""
        if self._waking is None:
            loop = asyncio.get_running_loop()
            self._waking = loop.call_later(COALESCE_SECONDS, self._wake_all)

    def _wake_all(self) -> None:
        self._waking = None
        for listener in self._listeners:
            listener.set()

    async def send_facts(self, cluster: ClusterId, link: Link[Request, Response]) -> None:
        """Feed one agent with facts until its stream ends."""
        wake = asyncio.Event()
        self._listeners.add(wake)
        sender = self.hub.listen(cluster)
        self._seen(cluster)
        heard = Heard(link, lambda: self._seen(cluster))
        feed = send(heard, sender, wake)
        log.info(event("agent connected", cluster=cluster))
        try:
            await self._facts.run(cluster, MAX_FACT_STREAMS, feed, "facts")
        finally:
            self.hub.leave(cluster, sender)
            self._listeners.discard(wake)
            log.info(event("agent disconnected", cluster=cluster))

    def _seen(self, cluster: ClusterId) -> None:
        self.presence(cluster).last_seen = wall_seconds()

    async def take_reports(self, cluster: ClusterId, link: Link[Response, Request]) -> None:
        """Follow one agent's reports until its stream ends; a newer stream ends an older one."""
        if self._reports.has(cluster):
            self.presence(cluster).take_turn(wall_seconds())
        self.presence(cluster).refused_reports.start_over()
        receiver = self.hub.receiver(cluster)
        hearing = receive(link, receiver, lambda r: self._apply(cluster, r))
        await self._reports.run(cluster, 1, hearing, "reports")

    def _apply(self, cluster: ClusterId, received: Received) -> None:
        before = self.hub.held_back(cluster)
        was_retained = cluster in self.hub.retained.clusters
        fresh = self.hub.apply(cluster, received, wall_seconds())
        if fresh:
            self._log_refusal(cluster, str(fresh[0]))
        held = self.hub.held_back(cluster)
        if held != before:
            log.warning(event("withdrawal held back", cluster=cluster, held=held or "nothing now"))
        if was_retained and cluster not in self.hub.retained.clusters:
            log.info(event("retained cluster is back", cluster=cluster))

    def _log_refusal(self, cluster: ClusterId, reason: str) -> None:
        """Say what was refused: a line a second at most."""
        now = wall_seconds()
        if now - self._said_at.get(cluster, 0.0) >= REFUSAL_LINE_SECONDS:
            self._said_at[cluster] = now
            count = len(self.presence(cluster).refused_reports)
            log.warning(event("report refused", cluster=cluster, reason=reason, refused=count))

    @property
    def loops(self) -> tuple[Loop, ...]:
        """What this does for ever."""
        return (
            Loop("verdicts", self._update_verdicts, rest=VERDICT_SECONDS),
            Loop("completion", self._complete),
            self._writing,
        )

    async def _update_verdicts(self) -> None:
        """Tell who lives from who is lost."""
        now = wall_seconds()
        lives = {c: life_of(self.hub, c, now) for c, m in self.registry.members.items()}
        self.hub.set_lost({c for c, life in lives.items() if life is Life.LOST})
        all_problems(self.hub, Own(self.store_problem, self.troubles), now)  # notes since when

    async def _complete(self) -> None:
        """Declare the facts complete once all clusters have reported, or the grace is over."""
        await asyncio.sleep(GRACE_SECONDS)
        if self.hub.end_grace():
            have_all = self.registry.has_all_reported()
            log.info(event("no longer waiting for reports", all_reported=have_all))
        await asyncio.Event().wait()

    async def _write(self) -> None:
        """Write reports behind, and reserve revisions ahead; without room on the disk, later."""
        await self._changed.wait()
        await asyncio.sleep(WRITE_BEHIND_SECONDS)
        self._changed.clear()
        try:
            await self.flush()
        except BaseException:
            self._changed.set()
            raise

    async def end(self) -> None:
        """Write what is not written yet, as far as that is possible."""
        try:
            await self.flush()
        except Failed as error:
            log.warning(event("reports are not written", reason=error))

    def watch(self, loops: Iterable[Loop]) -> None:
        """Say in the status which of these fail."""
        self._loops = tuple(loops)

    @property
    def store_problem(self) -> str:
        """Why what was reported cannot be written; empty when it can."""
        return self._writing.trouble

    @property
    def troubles(self) -> tuple[str, ...]:
        """What else the controller itself cannot do."""
        return troubles(loop for loop in self._loops if loop is not self._writing)

    async def flush(self) -> None:
        """Write what is not written yet; one after the other, so that nothing older comes later."""
        async with self._flushing:
            await self._flush()

    async def _flush(self) -> None:
        if self.hub.reserved - self.revision < REVISIONS_RESERVED // 2:
            first = await self._store.reserve_revisions(REVISIONS_RESERVED)
            self.hub.reserved = first + REVISIONS_RESERVED - 1
        await self._save_retained()
        rows = self.hub.take_unsaved()
        if not rows:
            return
        try:
            await self._store.save_reports(rows)
        except BaseException:
            self.hub.put_back(rows)
            raise

    async def _save_retained(self) -> None:
        saved = self._retained_saved
        for cluster in self.hub.retained.clusters - saved.keys():
            saved[cluster] = await self._store.write(f"{RETAINED}{cluster}", b"", 0)
        for cluster in saved.keys() - self.hub.retained.clusters:
            await self._store.delete(f"{RETAINED}{cluster}", saved[cluster])
            del saved[cluster]
