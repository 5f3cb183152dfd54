"""A supervisor: Envoy, the relay to the agent, the certificate, and the way out.

Both proxies run this; what differs is the `Proxy` they describe themselves as.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from random import SystemRandom

from federation.envoy.bootstrap import bootstrap
from federation.model.errors import Failed, FedmeshError, NotReady, PeerBroke
from federation.model.locality import Locality
from federation.model.proxies import Kind, Proxy, Refusal, State
from federation.resources.entry import state_folder
from federation.resources.settings import Address
from federation.runtime.backoff import Backoff
from federation.runtime.clock import wall_seconds
from federation.runtime.health import serve_health
from federation.runtime.logs import event
from federation.runtime.tasks import cancel, run_until_stopped, start, wait_for_event
from federation.supervisor import keys
from federation.supervisor.admin import ask
from federation.supervisor.envoy import Envoy, find_envoy
from federation.supervisor.observe import Lost, read_checks
from federation.supervisor.relay import Relay
from federation.supervisor.settings import LONGEST_SOCKET_PATH, ProxySettings
from federation.wire import codec, methods
from federation.wire.channel import Connection, connect, serve
from federation.wire.pump import send
from federation.xds.resources import resource
from federation.xds.session import Rule, Sender
from federation.xds.snapshot import Table

log = logging.getLogger(__name__)

_READY_CHECK_SECONDS = 0.1
_READY_AGAIN_SECONDS = 1.0
_OBSERVE_SECONDS = 0.5


class Supervisor:
    """One proxy, from its start to its orderly end."""

    def __init__(self, settings: ProxySettings, proxy: Proxy) -> None:
        self._settings = settings
        self._state = settings.state
        self._xds_socket = self._state / "xds.sock"
        self._admin_socket = self._state / "admin.sock"
        self._proxy = proxy
        self._said = Table()
        self._said.mark_complete(codec.PROXY)
        self._heard = asyncio.Event()
        self._speaker: Sender | None = None
        self._certified: keys.Certified | None = None
        self._is_live = False
        self._relay = Relay(f"{proxy.kind}/{proxy.id}", self._state, self._refused)
        self._envoy = Envoy(find_envoy(settings.envoy), self._state, settings.concurrency)
        self._say(proxy)

    def _say(self, proxy: Proxy) -> None:
        """Tell the agent what this proxy is now."""
        self._proxy = proxy
        if self._said.put(codec.PROXY, resource(proxy.id, codec.encode_proxy(proxy))):
            if self._speaker is not None:
                self._speaker.touch(codec.PROXY, proxy.id)
            self._heard.set()

    def _refused(self, refusals: tuple[Refusal, ...]) -> None:
        self._say(replace(self._proxy, refused=refusals))

    async def run(self) -> None:
        """Run until told to stop; then leave in order: others first move away."""
        self._relay.load()
        self._take_identity(keys.load_certified(self._state / "identity.json"))
        async with AsyncExitStack() as stack:
            xds = [(methods.ENVOY_DELTA, self._relay.serve_envoy)]
            await stack.enter_async_context(serve(f"unix:{self._xds_socket}", xds))
            self._xds_socket.chmod(0o600)
            if self._settings.readiness is not None:
                server = await self._serve_readiness(self._settings.readiness)
                stack.callback(server.close)
            agent = start(self._repeat(self._meet_agent), "agent")
            stack.push_async_callback(cancel, agent)
            renewal = start(self._repeat(self._renew), "certificate")
            stack.push_async_callback(cancel, renewal)
            await run_until_stopped(
                {
                    "envoy": self._envoy.run(self._bootstrap),
                    "readiness": self._watch(),
                    "observation": self._observe(),
                    "saving": self._relay.run_saving(),
                }
            )
            await self._leave()

    async def _serve_readiness(self, address: Address) -> asyncio.Server:
        try:
            return await serve_health(address.host, address.port, lambda: self._is_live)
        except OSError as error:
            raise Failed(
                f"readiness: cannot listen at {address}: is it taken by another program?"
            ) from error

    def _bootstrap(self) -> str:
        return bootstrap(
            f"{self._proxy.kind}/{self._proxy.id}",
            self._proxy.kind,
            str(self._xds_socket),
            str(self._admin_socket),
            locality=Locality("", self._proxy.zone),
        )

    async def _repeat(self, turn: Callable[[], Awaitable[None]]) -> None:
        """Take turns for ever; a turn that fails is said and repeated after a while."""
        backoff = Backoff(SystemRandom())
        said = ""
        while True:
            try:
                await turn()
                backoff.reset()
                said = ""
            except FedmeshError as error:
                if str(error) != said:
                    said = str(error)
                    log.warning(event("agent cannot be used", reason=said))
            await asyncio.sleep(backoff.next_wait())

    async def _meet_agent(self) -> None:
        """Open both streams to the agent and stay until one of them ends."""
        trust = keys.read_trust(self._settings.trust_file)
        token = keys.read_token(self._settings.token_file)
        async with connect(
            str(self._settings.agent), trust.identity, trust.agent_host, token
        ) as agent:
            down = start(self._follow(agent), "resources")
            up = start(self._report(agent), "observations")
            try:
                await asyncio.wait([down, up], return_when=asyncio.FIRST_COMPLETED)
                for task in (down, up):
                    if task.done():
                        task.result()
            finally:
                await cancel(down)
                await cancel(up)

    async def _follow(self, agent: Connection) -> None:
        async with agent.stream(methods.RESOURCES) as link:
            await self._relay.follow_agent(link)

    async def _report(self, agent: Connection) -> None:
        speaker = Sender(self._said, [Rule(codec.PROXY)])
        self._speaker = speaker
        async with agent.stream(methods.OBSERVATIONS) as link:
            await send(link, speaker, self._heard)

    async def _renew(self) -> None:
        """Look at the certificate's age; have a new one made when half of its life is over."""
        now = wall_seconds()
        if self._certified is None or self._certified.is_due(now):
            trust = keys.read_trust(self._settings.trust_file)
            token = keys.read_token(self._settings.token_file)
            async with connect(
                str(self._settings.agent), trust.identity, trust.agent_host, token
            ) as agent:
                self._take_identity(await keys.certify(agent))
        await asyncio.sleep(self._settings.certificate_check_seconds)

    def _take_identity(self, certified: keys.Certified | None) -> None:
        if certified is None or not certified.is_valid(wall_seconds()):
            return
        if certified != keys.load_certified(self._state / "identity.json"):
            keys.save_certified(self._state / "identity.json", certified)
            log.info(event("certificate renewed", not_after=certified.not_after))
        self._certified = certified
        self._relay.show_identity(certified)

    async def _observe(self) -> None:
        """Tell the agent which of the checked addresses do not answer; only gateways check."""
        lost = Lost()
        while self._proxy.kind is Kind.GATEWAY:
            try:
                seen = read_checks(await ask(self._admin_socket, "/clusters?format=json"))
                sees_healthy = bool(seen.passing)
                found = replace(self._proxy, unhealthy=lost.look(seen), sees_healthy=sees_healthy)
                self._say(found)
            except (NotReady, PeerBroke) as error:
                log.debug(event("nothing observed", reason=error))
            await asyncio.sleep(_OBSERVE_SECONDS)
        await asyncio.Event().wait()

    async def _watch(self) -> None:
        """Ask Envoy whether it is live, and tell the agent."""
        while True:
            try:
                await ask(self._admin_socket, "/ready")
                self._is_live = True
            except NotReady:
                self._is_live = False
            state = State.SERVING if self._is_live else State.STARTING
            self._say(replace(self._proxy, state=state))
            await asyncio.sleep(_READY_AGAIN_SECONDS if self._is_live else _READY_CHECK_SECONDS)

    async def _leave(self) -> None:
        """Say that this proxy goes, give others the time to move away, stop Envoy."""
        was_live, self._is_live = self._is_live, False
        self._say(replace(self._proxy, state=State.DRAINING))
        if was_live:
            log.info(event("draining", seconds=self._settings.drain_seconds))
            await asyncio.sleep(self._settings.drain_seconds)
        await self._envoy.stop()
        self._say(replace(self._proxy, state=State.STOPPED))
        await wait_for_event(asyncio.Event(), 0.1)


def check_depth(path: Path) -> None:
    """Raise Failed when sockets in this folder would have paths that are too long."""
    longest = len(str(path / "admin.sock").encode())
    if longest > LONGEST_SOCKET_PATH:
        raise Failed(
            f"state folder {path} is too deep: the path of a socket in it has {longest} bytes, "
            f"but may have at most {LONGEST_SOCKET_PATH}"
        )


async def supervise(settings: ProxySettings, proxy: Proxy) -> None:
    """Run the supervisor of one proxy until it is told to stop."""
    check_depth(settings.state)
    with state_folder(settings.state):
        await Supervisor(settings, proxy).run()
