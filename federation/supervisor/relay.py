"""The relay: what the agent sends goes to Envoy, through the same session core on both sides.

It holds the last good resources (on disk as well), adds the proxy's own certificate, and notes what
Envoy refuses. What Envoy sees of them is decided in `federation.supervisor.imports`.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from federation.envoy.identity import identity_secret
from federation.model.imports import Import
from federation.model.proxies import Nack
from federation.model.types import (
    CLUSTER,
    ENDPOINTS,
    EXTENSION,
    IMPORT,
    LISTENER,
    ROUTE,
    SECRET,
    VIRTUAL_HOST,
)
from federation.runtime.disk import Disk
from federation.runtime.logs import event
from federation.supervisor.certificates.agent_trust import Certified
from federation.supervisor.feeding import Feeding
from federation.supervisor.imports import Imports
from federation.supervisor.kept_hosts import KeptHosts
from federation.wire.codec.imports import decode_import
from federation.wire.last_good import Hold
from federation.wire.rpc.heartbeat import beating
from federation.wire.rpc.run_session import receive, send
from federation.wire.rpc.streams import Link, Peer
from federation.xds.messages import Request, Response
from federation.xds.receiver import Received, Receiver
from federation.xds.resources import Resource, resource
from federation.xds.rules import Rule
from federation.xds.sender import Sender
from federation.xds.snapshot import Layers, Table

log = logging.getLogger(__name__)

TYPES = (IMPORT, SECRET, CLUSTER, ENDPOINTS, LISTENER, ROUTE, EXTENSION)
"""What the agent is asked for; imports first, since they say which of the others are wanted."""

ENVOY_RULES = (
    Rule(SECRET, removals_after=(CLUSTER, LISTENER)),
    Rule(CLUSTER, removals_after=(LISTENER, ROUTE, EXTENSION, VIRTUAL_HOST), companion=ENDPOINTS),
    Rule(ENDPOINTS),
    Rule(VIRTUAL_HOST, removals_after=(ROUTE,)),
    Rule(LISTENER, after=(CLUSTER,)),
    Rule(ROUTE, after=(CLUSTER,)),
    Rule(EXTENSION, after=(CLUSTER,), removals_after=(LISTENER,)),
)
"""The order in which Envoy loses nothing."""


def read_import(type_url: str, found: Resource) -> Import | None:
    """What an import says; the others are for Envoy to read."""
    return decode_import(found.body) if type_url == IMPORT else None


class Relay:
    """Agent on one side, Envoy on the other; `folder` keeps what is held.

    `secrets` are the names of the proxy's own certificates: Envoy hears of none before all are
    there. `imports` are asked for from the start, the others when Envoy asks for their hosts; None
    for a proxy that is sent all it needs.
    """

    def __init__(
        self,
        node: str,
        folder: Path,
        secrets: Collection[str],
        on_refusals: Callable[[tuple[Nack, ...]], None],
        disk: Disk,
        *,
        imports: Iterable[str] | None = None,
    ) -> None:
        self._awaited = set(secrets)
        self._receiver = Receiver(node, TYPES, read_import, by_name=(IMPORT,))
        self._imports = Imports(self._receiver, imports, self._ask)
        self._asked: asyncio.Queue[Request] | None = None
        self._on_refusals = on_refusals
        self._own = Table()
        self._own.mark_complete(CLUSTER, ENDPOINTS, LISTENER, ROUTE, EXTENSION, VIRTUAL_HOST)
        self._view = Layers(self._own, self._imports.shown)
        self._sender: Sender | None = None
        self._wake = asyncio.Event()
        self._refused: tuple[Nack, ...] = ()
        self._late: tuple[Nack, ...] = ()
        self._said: dict[str, str] = {}
        self._hold = Hold(folder, self._receiver, TYPES, disk)
        self._hosts = KeptHosts(folder, lambda: self._imports.called, disk)
        self.saving = (self._hold.loop, self._hosts.loop)

    def load(self) -> None:
        """Take back what an earlier supervisor held."""
        self._hold.load()
        self._imports.load(self._hosts.load())

    def _ask(self, request: Request) -> None:
        """Ask the agent; one that is away is asked for all of it when it comes."""
        if self._asked is not None:
            self._asked.put_nowait(request)

    def show_identity(self, name: str, certified: Certified) -> None:
        """Give Envoy a certificate to show, under the name of a secret."""
        body = identity_secret(certified.chain, certified.key, name)
        self._awaited.discard(name)
        if not self._awaited:
            self._own.mark_complete(SECRET)
        if self._own.put(SECRET, resource(name, body)):
            self._touch(SECRET, name)

    def _touch(self, type_url: str, name: str) -> None:
        if self._sender is not None:
            self._sender.touch(type_url, name)
        self._wake.set()

    async def follow_agent(
        self, link: Link[Response, Request], on_word: Callable[[], None] = lambda: None
    ) -> None:
        """Take what the agent sends until its stream ends; `on_word` hears that it sends."""

        def take(received: Received) -> None:
            on_word()
            self._take(received)

        asked = self._asked = asyncio.Queue()
        try:
            async with beating(link) as beats:
                await receive(beats, self._receiver, take, asked)
        finally:
            if self._asked is asked:
                self._asked = None

    def _take(self, received: Received) -> None:
        self._hold.note(received)
        self._imports.take(received)
        self._note_hosts()
        if received.changes or received.settled or received.completed:
            self._wake.set()

    def let_go(self, unused: Collection[str]) -> None:
        """Let go imports that lead only to these clusters, while they could be had again."""
        if self._asked is None:
            return
        hosts = self._imports.let_go(unused)
        if hosts:
            log.info(event("unused imports let go", hosts=len(hosts), first=hosts[0]))
            self._note_hosts()
            self._wake.set()

    def _note_hosts(self) -> None:
        if self._imports.has_news:
            self._imports.has_news = False
            self._hosts.note()

    async def serve_envoy(self, link: Link[Request, Response], _: Peer) -> None:
        """Feed Envoy until it ends the stream; a newer stream takes over."""
        sender = Sender(self._view, ENVOY_RULES, marks=False, keeper=self._imports.shown)
        wake = asyncio.Event()
        self._sender, self._wake = sender, wake
        self._imports.start(sender)
        feeding = Feeding(self._imports, sender)
        await send(link, feeding, wake, lambda request: self._note(sender, request))

    def _note(self, sender: Sender, request: Request) -> None:
        if request.error and request.error != self._said.get(request.type_url):
            self._said[request.type_url] = request.error
            log.warning(event("envoy refused", type=request.type_url, reason=request.error))
        if sender is not self._sender:
            return
        self._note_hosts()
        if request.nonce:
            self._refused = tuple(Nack(r.type_url, r.name, r.reason) for r in sender.nacks())
            self._on_refusals((*self._refused, *self._late))

    def names(self, type_url: str) -> Iterable[str]:
        """What Envoy is to have of a type."""
        return self._view.names(type_url)

    def answered(self, type_url: str) -> dict[str, str]:
        """What Envoy has answered, by name: why it was refused, or nothing."""
        return self._sender.answered(type_url) if self._sender is not None else {}

    def send_again(self, type_url: str, names: Iterable[str]) -> None:
        """Send these to Envoy once more, though it has refused them, or lost them since."""
        if self._sender is not None:
            self._sender.send_again(type_url, names)
            self._wake.set()

    def overdue(self) -> tuple[tuple[str, str], ...]:
        """Type and name of what Envoy has not answered in time."""
        if self._sender is None:
            return ()
        return self._sender.overdue(asyncio.get_running_loop().time())

    def set_late(self, refusals: tuple[Nack, ...]) -> None:
        """Say what counts as refused since Envoy does not answer."""
        if refusals == self._late:
            return
        for refusal in refusals:
            log.warning(
                event("envoy does not answer", resource=refusal.name, reason=refusal.reason)
            )
        self._late = refusals
        self._on_refusals((*self._refused, *self._late))
