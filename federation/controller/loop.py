"""The controller's main flow: reports of agents in, facts to agents out, the store behind.

One `Federation` holds the registry and every open stream. It moves values between sessions; what
they mean is decided in `registry`, `xds.session` and `xds.receiver`.
"""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

from federation.controller.registry import Member, Registry, Touched
from federation.controller.store.store import Row, Store
from federation.model.names import ClusterId
from federation.runtime.clock import wall_seconds
from federation.runtime.logs import event
from federation.wire import codec
from federation.wire.links import Link
from federation.wire.pump import receive, send
from federation.xds.messages import Point, Request, Response
from federation.xds.receiver import Change, Received, Receiver
from federation.xds.resources import resource
from federation.xds.session import Sender

log = logging.getLogger(__name__)

WRITE_BEHIND_SECONDS = 0.2
REVISIONS_RESERVED = 100_000
GRACE_SECONDS = 10.0
"""How long after its start the controller waits for clusters to report before it says that what it
does not know does not exist. Reports are written behind, so the last 200 ms may be missing."""

FACT_RULES = codec.in_order(codec.FACTS)


@dataclass(slots=True)
class Presence:
    """What the controller sees of one cluster's agent."""

    streams: int = 0
    last_seen: float | None = None
    problems: dict[str, str] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class _Listener:
    sender: Sender
    wake: asyncio.Event


class Federation:
    """The registry with its streams and its store."""

    def __init__(self, registry: Registry, store: Store) -> None:
        self.registry = registry
        self._store = store
        self._listeners: set[_Listener] = set()
        self._receivers: dict[ClusterId, Receiver] = {}
        self._speakers: dict[ClusterId, asyncio.Task[None]] = {}
        self._presence: dict[ClusterId, Presence] = {}
        self._heard: dict[ClusterId, set[str]] = {}
        self._unsaved: dict[tuple[str, str, str], Row] = {}
        self._changed = asyncio.Event()
        self.revision = 0
        self._reserved = 0

    async def load(self, members: Iterable[Member]) -> None:
        """Take back what the store holds."""
        self.revision = await self._store.reserve_revisions(REVISIONS_RESERVED)
        self._reserved = self.revision + REVISIONS_RESERVED - 1
        for member in members:
            self.registry.set_member(member)
        rows: dict[ClusterId, list[Row]] = {}
        for row in await self._store.load_reports():
            rows.setdefault(ClusterId(row.cluster), []).append(row)
        for cluster in self.registry.members:
            self._restore(cluster, rows.get(cluster, []))
        self._stand()

    def _restore(self, cluster: ClusterId, rows: list[Row]) -> None:
        receiver = self._receiver(cluster)
        for type_url in codec.REPORTS:
            receiver.restore(
                type_url,
                [resource(r.name, r.body) for r in rows if r.type_url == type_url and r.body],
                None,
                complete=bool(rows),
            )
        for row in rows:
            change = Change(row.type_url, row.name, resource(row.name, row.body or b""))
            self.registry.apply(cluster, [change], row.first_seen)

    def _receiver(self, cluster: ClusterId) -> Receiver:
        if cluster not in self._receivers:
            self._receivers[cluster] = Receiver(
                "controller", codec.REPORTS, self.registry.checker(cluster)
            )
        return self._receivers[cluster]

    def presence(self, cluster: ClusterId) -> Presence:
        """What is seen of a cluster's agent."""
        return self._presence.setdefault(cluster, Presence())

    def set_member(self, member: Member) -> None:
        """Spread the operator's word about a cluster, already on the disk."""
        self._spread(self.registry.set_member(member))

    async def send_facts(self, cluster: ClusterId, link: Link[Request, Response]) -> None:
        """Feed one agent with facts until its stream ends."""
        listener = _Listener(Sender(self.registry.table, FACT_RULES), asyncio.Event())
        self._listeners.add(listener)
        presence = self.presence(cluster)
        presence.streams += 1
        log.info(event("agent connected", cluster=cluster))
        try:
            await send(link, listener.sender, listener.wake, lambda _: self._seen(cluster))
        finally:
            presence.streams -= 1
            self._listeners.discard(listener)
            log.info(event("agent disconnected", cluster=cluster))

    def _seen(self, cluster: ClusterId) -> None:
        self.presence(cluster).last_seen = wall_seconds()

    async def take_reports(self, cluster: ClusterId, link: Link[Response, Request]) -> None:
        """Follow one agent's reports until its stream ends; a newer stream ends an older one."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - inside a coroutine there is one
        older = self._speakers.get(cluster)
        if older is not None:
            older.cancel()
        self._speakers[cluster] = task
        try:
            await receive(link, self._receiver(cluster), lambda r: self._apply(cluster, r))
        finally:
            if self._speakers.get(cluster) is task:
                del self._speakers[cluster]

    def _apply(self, cluster: ClusterId, received: Received) -> None:
        self._seen(cluster)
        is_first = received.completed or not self._receiver(cluster).is_complete(codec.EXPORT)
        first_seen = 0 if is_first else int(wall_seconds())  # a first report is taken at its word
        self._note(cluster, received)
        for change in received.changes:
            body = change.resource.body if change.resource is not None else None
            key = (cluster, change.type_url, change.name)
            self._unsaved[key] = Row(*key, body, first_seen)
        touched = self.registry.apply(cluster, received.changes, first_seen)
        self._spread(touched)
        if received.is_whole:
            self._hear_out(cluster, received.reply.type_url)
        self._changed.set()

    def _hear_out(self, cluster: ClusterId, type_url: str) -> None:
        heard = self._heard.setdefault(cluster, set())
        heard.add(type_url)
        if heard.issuperset(codec.REPORTS):
            self.registry.mark_reported(cluster)
            self._complete_when_all_reported()

    def _note(self, cluster: ClusterId, received: Received) -> None:
        problems = self.presence(cluster).problems
        if received.reply.error:
            log.warning(event("report refused", cluster=cluster, reason=received.reply.error))
            problems[received.reply.type_url] = received.reply.error
        elif received.changes:
            problems.pop(received.reply.type_url, None)

    def _complete_when_all_reported(self) -> None:
        if not self.registry.table.is_complete(codec.SERVICE) and self.registry.has_all_reported():
            self._declare_complete()

    def _declare_complete(self) -> None:
        self.registry.table.mark_complete(*codec.FACTS)
        for listener in self._listeners:
            listener.wake.set()

    def _spread(self, touched: Touched) -> None:
        if not touched:
            return
        if self.revision < self._reserved:
            self.revision += 1
        self._stand()
        for listener in self._listeners:
            for type_url, name in touched:
                listener.sender.touch(type_url, name)
            listener.wake.set()

    def _stand(self) -> None:
        self.registry.table.stand_at(Point(self._store.epoch, self.revision))

    async def run_completion(self) -> None:
        """Declare the facts complete once all clusters have reported, or the grace is over."""
        self._complete_when_all_reported()
        await asyncio.sleep(GRACE_SECONDS)
        if not self.registry.table.is_complete(codec.SERVICE):
            log.info(event("grace over", reported=self.registry.has_all_reported()))
            self._declare_complete()
        await asyncio.Event().wait()

    async def run_writing(self) -> None:
        """Write reports behind, and reserve revisions ahead."""
        try:
            while True:
                await self._changed.wait()
                await asyncio.sleep(WRITE_BEHIND_SECONDS)
                self._changed.clear()
                await self.flush()
        finally:
            await asyncio.shield(self.flush())

    async def flush(self) -> None:
        """Write what is not written yet."""
        if self._reserved - self.revision < REVISIONS_RESERVED // 2:
            first = await self._store.reserve_revisions(REVISIONS_RESERVED)
            self._reserved = first + REVISIONS_RESERVED - 1
        rows, self._unsaved = self._unsaved, {}
        if rows:
            await self._store.save_reports(rows.values())
