"""A supervisor: Envoy, the relay to the agent, the certificate, and the way out.

Both proxies run this; what differs is the `Proxy` they describe themselves as.
"""

import asyncio
import logging
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from typing import Any

from federation.envoy.bootstrap import bootstrap
from federation.envoy.identity import IDENTITY
from federation.envoy.limits import Bounds, affordable, lowered_because
from federation.model.errors import Failed, NotReady
from federation.model.imports import pinned_imports
from federation.model.locality import Locality
from federation.model.proxies import ENTRY_GATEWAY, NO_ENTRY, Kind, Nack, Proxy, State
from federation.process.settings import Address
from federation.process.sockets import check_socket
from federation.process.start import state_folder
from federation.runtime.binding import patiently
from federation.runtime.clock import utc_now, wall_seconds
from federation.runtime.descriptors import raise_limit
from federation.runtime.disk import Disk
from federation.runtime.health import serve_health
from federation.runtime.logs import event
from federation.runtime.loops import Loop, run_until_stopped, running
from federation.runtime.tasks import until_one_ends, wait_for_event
from federation.supervisor import unacknowledged
from federation.supervisor.certificates import agent_trust
from federation.supervisor.certificates.renewal import Certificate, Wanted
from federation.supervisor.certificates.tokens import TokenEnds
from federation.supervisor.drain import ask_to_leave, wait_for_end
from federation.supervisor.envoy import Envoy, find_envoy
from federation.supervisor.kept_admin import KeptAdmin
from federation.supervisor.listeners import Listeners
from federation.supervisor.local_range import foreign, watching
from federation.supervisor.observe import eyes, refused_connections
from federation.supervisor.relay import Relay
from federation.supervisor.settings import ProxySettings
from federation.supervisor.troubles import Troubles
from federation.wire import codec
from federation.wire.rpc import methods
from federation.wire.rpc.channel import Connection, connect, stay_connected
from federation.wire.rpc.run_session import send
from federation.wire.rpc.server import serve
from federation.xds.rules import Rule
from federation.xds.sender import Sender
from federation.xds.snapshot import Table

log = logging.getLogger(__name__)

_READY_CHECK_SECONDS = 0.1
_READY_AGAIN_SECONDS = 1.0


class Supervisor:
    """One proxy, from its start to its orderly end."""

    def __init__(
        self,
        settings: ProxySettings,
        proxy: Proxy,
        more: Iterable[Wanted],
        unused_seconds: float = 0,
    ) -> None:
        self._settings = settings
        self._unused_seconds = unused_seconds
        self._state = settings.state
        self._xds_socket = self._state / "xds.sock"
        self._admin_socket = self._state / "admin.sock"
        self._measure_socket = self._state / "rtt.sock"
        self._is_gateway = proxy.kind is Kind.GATEWAY
        self._proxy = replace(proxy, version=version("fedmesh"))
        self._said = Table()
        self._said.mark_complete(codec.PROXY)
        self._heard = asyncio.Event()
        self._speaker: Sender | None = None
        self._is_live = False
        self._entry = proxy.entry
        self._no_entry: tuple[Nack, ...] = ()
        self._refusals: tuple[Nack, ...] = ()
        self._disk = Disk()
        kind = ENTRY_GATEWAY if proxy.entry else proxy.kind
        wanted = (Wanted(IDENTITY, settings.token_file), *more)
        secrets = [w.secret for w in wanted]
        node = f"{kind}/{proxy.id}"
        self._relay = Relay(
            node, self._state, secrets, self._refused, self._disk, imports=pinned_imports(proxy)
        )
        self._admin = KeptAdmin(self._admin_socket)
        self._listeners = Listeners(self._admin, self._relay, is_gateway=self._is_gateway)
        show = self._relay.show_identity
        self._certificates = tuple(Certificate(settings, w, show, self._disk) for w in wanted)
        tokens = TokenEnds(w.token_file for w in wanted)
        self._troubles = Troubles(self._certificates, self._listeners, tokens)
        binary = find_envoy(settings.envoy)
        self._envoy = Envoy(binary, self._state, settings.concurrency, self._disk)
        self._agent = stay_connected("agent", self._meet_agent)
        self._loops = self._own_loops()
        if self._entry:
            self._look_at_entry(foreign(self._entry))
        self._say(self._proxy)

    def _say(self, proxy: Proxy) -> None:
        """Tell the agent what this proxy is now."""
        if proxy == self._proxy and self._said.get(codec.PROXY, proxy.id) is not None:
            return
        self._proxy = proxy
        if self._said.put(codec.PROXY, codec.resource_of(proxy)):
            if self._speaker is not None:
                self._speaker.touch(codec.PROXY, proxy.id)
            self._heard.set()

    def _refused(self, refusals: tuple[Nack, ...]) -> None:
        self._refusals = refusals
        self._tell()

    def _tell(self) -> None:
        """Say what Envoy does not take, what this supervisor cannot do, when its identity ends."""
        refused = self._troubles.found(self._no_entry, self._loops, self._refusals, utc_now())
        ends = min(certificate.ends for certificate in self._certificates)
        if (refused, ends) != (self._proxy.refused, self._proxy.certificate_ends):
            self._say(replace(self._proxy, refused=refused, certificate_ends=ends))

    @property
    def _is_believed(self) -> bool:
        """Whether others believe what this proxy shows."""
        now = wall_seconds()
        return all(certificate.is_valid(now) for certificate in self._certificates)

    def _look_at_entry(self, problem: str) -> None:
        """Offer services at addresses of their own while the machine takes these as its own."""
        before = self._no_entry
        self._no_entry = (Nack(NO_ENTRY, self._entry, problem),) if problem else ()
        if self._no_entry != before:
            if problem:
                log.warning(event("entry is not offered", addresses=self._entry, reason=problem))
            else:
                log.info(event("entry is offered again", addresses=self._entry))
        self._say(replace(self._proxy, entry="" if problem else self._entry))
        self._tell()

    async def run(self) -> None:
        """Run until told to stop; then leave in order: others first move away."""
        self._relay.load()
        for certificate in self._certificates:
            certificate.load()
        async with AsyncExitStack() as stack:
            xds = [(methods.ENVOY_DELTA, self._relay.serve_envoy)]
            await stack.enter_async_context(serve(f"unix:{self._xds_socket}", xds))
            self._xds_socket.chmod(0o600)
            if self._settings.readiness is not None:
                server = await self._serve_readiness(self._settings.readiness)
                stack.callback(server.close)
            await stack.enter_async_context(running(self._links()))
            await run_until_stopped(self._loops)
            await self._leave()

    def _links(self) -> tuple[Loop, ...]:
        """What goes on until this proxy has left: the agent is told that it goes."""
        return (self._agent, *(certificate.loop for certificate in self._certificates))

    def _own_loops(self) -> tuple[Loop, ...]:
        loops = (
            self._envoy.keeping(self._bootstrap),
            Loop("readiness", self._look_at_envoy),
            refused_connections.watching(self._admin_socket, self._state / "envoy.log"),
            *self._eyes(),
            *self._relay.saving,
            self._disk.loop,
            unacknowledged.looking(self._admin_socket, self._relay),
        )
        for loop in loops:
            loop.on_change = self._tell
        return loops

    @property
    def loops(self) -> tuple[Loop, ...]:
        """All that this supervisor does for ever."""
        return (*self._links(), *self._loops)

    async def _serve_readiness(self, address: Address) -> asyncio.Server:
        try:
            serving = partial(serve_health, address.host, address.port, self._is_ready)
            return await patiently(serving, str(address))
        except OSError as error:
            raise Failed(
                f"readiness: cannot listen at {address}: is it taken by another program?"
            ) from error

    def _is_ready(self) -> bool:
        """Whether it serves, and listens wherever it is to.

        With a certificate that has ended nobody takes it for what it is.
        """
        return self._is_live and self._is_believed and self._listeners.are_there()

    def _bootstrap(self) -> str:
        return bootstrap(
            f"{self._proxy.kind}/{self._proxy.id}",
            self._proxy.kind,
            str(self._xds_socket),
            str(self._admin_socket),
            locality=Locality("", self._proxy.zone),
            measure_socket=str(self._measure_socket) if self._is_gateway else "",
            bounds=self._bounds(),
        )

    def _bounds(self) -> Bounds:
        wanted = self._settings.max_connections
        files = raise_limit()
        found = affordable(wanted, files)
        if reason := lowered_because(wanted, files):
            log.warning(event("max_connections lowered", set=wanted, to=found, reason=reason))
        return Bounds(found, self._settings.memory_mb)

    async def _meet_agent(self) -> None:
        """Open both streams to the agent and stay until one of them ends."""
        trust = agent_trust.read_trust(self._settings.trust_file)
        token = agent_trust.read_token(self._settings.token_file)
        async with connect(
            str(self._settings.agent), trust.identity, trust.agent_host, token
        ) as agent:
            await until_one_ends(resources=self._follow(agent), observations=self._report(agent))

    async def _follow(self, agent: Connection) -> None:
        async with agent.stream(methods.RESOURCES) as link:
            await self._relay.follow_agent(link, self._agent.works)

    async def _report(self, agent: Connection) -> None:
        speaker = Sender(self._said, [Rule(codec.PROXY)])
        self._speaker = speaker
        async with agent.stream(methods.OBSERVATIONS) as link:
            await send(link, speaker, self._heard)

    def _eyes(self) -> tuple[Loop, ...]:
        sockets = self._admin_socket, self._measure_socket
        told = eyes.Told(self._change, self._relay.let_go)
        found = eyes.looking(self._proxy, *sockets, told, self._unused_seconds)
        return (*found, watching(self._entry, self._look_at_entry)) if self._entry else found

    def _change(self, **fields: Any) -> None:
        self._say(replace(self._proxy, **fields))

    async def _look_at_envoy(self) -> None:
        """Ask Envoy whether it is live, and where it listens, and tell the agent."""
        try:
            await self._admin.ask("/ready")
            await self._listeners.look()
            self._is_live = True
        except NotReady:
            self._is_live = False
            self._listeners.start_over()
        state = State.SERVING if self._is_ready() else State.STARTING
        self._say(replace(self._proxy, state=state))
        self._tell()
        await asyncio.sleep(_READY_AGAIN_SECONDS if self._is_live else _READY_CHECK_SECONDS)

    async def _leave(self) -> None:
        """Say that this proxy goes, give others the time to move away, stop Envoy."""
        was_live, self._is_live = self._is_live, False
        self._say(replace(self._proxy, state=State.DRAINING))
        if was_live:
            least, longest = self._settings.drain_seconds, self._settings.drain_longest_seconds
            log.info(event("draining", seconds=least))
            await ask_to_leave(self._admin_socket)
            left = await wait_for_end(
                self._admin_socket, least, max(least, longest), is_gateway=self._is_gateway
            )
            log.info(event("drained", left=left))
        await self._envoy.stop()
        self._say(replace(self._proxy, state=State.STOPPED))
        await wait_for_event(asyncio.Event(), 0.1)


async def supervise(
    settings: ProxySettings,
    proxy: Proxy,
    more: Iterable[Wanted] = (),
    unused_seconds: float = 0,
) -> None:
    """Run the supervisor of one proxy until it is told to stop.

    `more` are certificates it needs besides its own. Imports that nobody calls for
    `unused_seconds` are let go; 0: never.
    """
    check_socket(settings.state / "admin.sock", f"state folder {settings.state}")
    with state_folder(settings.state):
        await Supervisor(settings, proxy, more, unused_seconds).run()
