"""The agent process: builds every object in order, then runs its loops."""

import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from cluster_agent.agent import Agent
from cluster_agent.authority.join import open_authority
from cluster_agent.authority.rejoin import Rejoin
from cluster_agent.authority.rekey import Rekeying
from cluster_agent.authority.renew import Renewal
from cluster_agent.serve.proxy_server import ProxyServer
from cluster_agent.settings import AgentSettings
from cluster_agent.source.directory import DirectorySource
from cluster_agent.source.source import Source
from cluster_agent.source.status_file import StatusFile
from cluster_agent.uplink.connection import ControllerConnection
from federation.model.errors import Failed
from federation.model.names import parse_cluster_id
from federation.model.types import CLUSTER, ENDPOINTS, EXTENSION, IMPORT, LISTENER, ROUTE, SECRET
from federation.planning.damping import Damping
from federation.process.sockets import check_socket
from federation.process.start import run_process, state_folder
from federation.runtime.clock import utc_now
from federation.runtime.files import read_if_there, set_socket_mode, write_private
from federation.runtime.loops import Loop, persist, run_until_stopped
from federation.supervisor.certificates.workload_certificate import anchors_beside
from federation.trust.workload_tokens import check_token_key
from federation.wire.rpc import methods
from federation.wire.rpc.server import serve
from federation.xds.rules import Rule

PROXY_RULES = (
    Rule(IMPORT),
    Rule(SECRET, removals_after=(CLUSTER, LISTENER)),
    Rule(ENDPOINTS, removals_after=(CLUSTER,)),
    Rule(CLUSTER, after=(SECRET, ENDPOINTS), removals_after=(LISTENER, ROUTE, EXTENSION, IMPORT)),
    Rule(ROUTE, after=(CLUSTER,), removals_after=(LISTENER,)),
    Rule(EXTENSION, after=(CLUSTER,), removals_after=(LISTENER,)),
    Rule(LISTENER, after=(CLUSTER, ROUTE, EXTENSION)),
)
"""What is named is there before it is named, and goes after. Secrets, endpoints, routes and
discovered filters come before what names them: Envoy asks for them the moment it has that. Only an
import comes first: the supervisor waits for what it names (`federation.supervisor.imports`)."""

_TOKEN_KEY_BYTES = 32


async def run_agent(settings: AgentSettings) -> None:
    """Run the agent of one cluster until it is told to stop."""
    with state_folder(settings.state) as state:
        if settings.grpc_socket is not None:
            _check_place(settings.grpc_socket)
        await _run_in(state, settings)


async def _run_in(state: Path, settings: AgentSettings) -> None:
    cluster = parse_cluster_id(settings.cluster)
    token_key = await _token_key(state / "workload-tokens.key")
    life = timedelta(seconds=settings.leaf_seconds)
    authority = await open_authority(state, cluster, settings.join_token_file, life)
    source = DirectorySource(settings.source)
    damping = Damping(settings.hold_seconds, settings.ramp_seconds)
    seconds = settings.tcp_connection_seconds
    agent = Agent(
        cluster,
        source,
        StatusFile(settings.source, lambda: source.problems),
        state,
        damping,
        tcp_connection_seconds=seconds,
        anchors=anchors_beside(settings.grpc_socket) if settings.grpc_socket else None,
        loopback_endpoints=settings.allow_loopback_endpoints,
    )
    agent.down.snapshots.sidecars.trust_domain = authority.membership.trust_domain
    server = ProxyServer(
        authority,
        token_key,
        agent.down.snapshots,
        PROXY_RULES,
        workloads=agent.workloads,
        streams=agent.streams,
        events=agent,
    )
    controller = ControllerConnection(
        authority,
        agent.down.receiver,
        agent.reports,
        rejoin=Rejoin(authority, state, cluster, settings.join_token_file),
        controller=str(settings.controller or ""),
        on_facts=agent.on_facts,
        on_refusals=agent.on_refusals,
    )
    renewal = Renewal(authority, state, controller.ask, agent.disk)
    rekeying = Rekeying(authority, state, lambda: agent.down.key_to_replace, controller.ask)
    agent.load()
    async with (
        serve(
            str(settings.listen),
            server.handlers(),
            lambda: authority.identity(utc_now()),
            authenticate=server.authenticate,
            require_client=False,
        ),
        _proxyless(settings.grpc_socket, server),
    ):
        more = (controller.loop, renewal.loop, server.loop, rekeying.loop)
        await run_until_stopped(all_loops(agent, source, more))


def all_loops(agent: Agent, source: Source, more: tuple[Loop, ...]) -> tuple[Loop, ...]:
    """What the process does for ever; the agent reports those that fail."""
    loops = (*source.loops(agent.on_source), *agent.loops(), *more)
    agent.watch(loops)
    return loops


@asynccontextmanager
async def _proxyless(path: Path | None, server: ProxyServer) -> AsyncIterator[None]:
    """Serve gRPC clients without any proxy while the context lasts, where that is wanted."""
    if path is None:
        yield
        return
    if _is_used(path):
        raise Failed(f"grpc_socket {path} is in use by another process that still runs")
    async with serve(f"unix:{path}", [(methods.ENVOY_STATE, server.serve_proxyless)]):
        set_socket_mode(path, 0o660)
        yield


def _check_place(path: Path) -> None:
    """Raise Failed when there can be no socket at this path."""
    check_socket(path, f"grpc_socket {path}")
    if not path.parent.is_dir():
        raise Failed(f"grpc_socket {path}: the folder {path.parent} is not there")
    if path.exists() and not path.is_socket():
        raise Failed(f"grpc_socket {path} is something else than a socket: choose another path")


def _is_used(path: Path) -> bool:
    """Whether somebody takes connections there; a socket that was left behind takes none."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(str(path)) == 0


async def _token_key(file: Path) -> bytes:
    """The key under which workload tokens are signed; made on the first start, and written down
    before it is used.
    """

    async def attempt() -> bytes:
        found = read_if_there(file)
        if found is None:
            found = secrets.token_bytes(_TOKEN_KEY_BYTES)
            write_private(file, found)
        return found

    found = await persist("workload-tokens.key", attempt)
    return check_token_key(found, f"key of workload tokens {file}")


def main() -> None:
    """Entry point of `fedmesh-agent`."""
    run_process("fedmesh-agent", "The agent of one cluster.", AgentSettings, run_agent)


if __name__ == "__main__":
    main()
