"""No loop of any process ends by itself: each is a `Loop`, and each goes on after any error.

What loops there are is read from the source, so that a new one cannot be forgotten.
"""

import ast
import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Callable, Generator, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from cluster_agent import main as agent_main
from cluster_agent.agent import Agent
from cluster_agent.authority.rejoin import Rejoin
from cluster_agent.authority.rekey import Rekeying
from cluster_agent.authority.renew import Renewal
from cluster_agent.dns.feed import Feed
from cluster_agent.dns.rate_limit import Sources
from cluster_agent.dns.server import DnsServer, TcpLimits
from cluster_agent.dns.table import Table
from cluster_agent.source.directory import DirectorySource
from cluster_agent.source.status_file import StatusFile
from cluster_agent.uplink.connection import ControllerConnection
from federation.apiserver.collection import Revisions
from federation.apiserver.connection_guard import ConnectionGuard
from federation.apiserver.listening import Listening
from federation.controller import main as controller_main
from federation.controller.audit import Audit
from federation.controller.departures import Departures
from federation.controller.endings import Endings
from federation.controller.facts.registry import Registry
from federation.controller.intent.apply_intent import ApplyIntent
from federation.controller.membership.members import Members
from federation.controller.objects.api import Objects
from federation.controller.objects.gate import Gate
from federation.controller.sessions import Sessions
from federation.controller.trust.authority import open_authority
from federation.model.names import ClusterId
from federation.model.proxies import Kind, Proxy, State
from federation.process.settings import Address
from federation.runtime.clock import utc_now
from federation.runtime.disk import Disk
from federation.runtime.loops import LONGEST_PAUSE, Loop, running
from federation.supervisor.certificates import workload_certificate
from federation.supervisor.envoy import Envoy
from federation.supervisor.main import Supervisor
from federation.supervisor.settings import IdentitySettings, ProxySettings
from tests.unit.cluster_agent.authority.test_authority_rekey import World
from tests.unit.cluster_agent.dns.test_dns_answer import ZONES
from tests.unit.cluster_agent.serve.test_serve_proxy_server import World as Workloads
from tests.unit.fakes.audit_lines import FakeLines
from tests.unit.fakes.fake_store import FakeStore

# All of the source is read: seconds on a busy machine.
pytestmark = pytest.mark.timeout(60)

ROOT = Path(__file__).parents[2]
PACKAGES = ("cluster_agent", "federation", "gateway", "sidecar")

ENDS_BY_ITSELF = {
    "federation/runtime/loops.py run": "the one place",
    "federation/runtime/loops.py persist": "until a process can begin, whatever is in the way",
    "federation/controller/store/sqlite.py watch": "as long as its reader reads",
    "federation/apiserver/watching.py lines": "as long as its reader reads, an hour at most",
    "federation/controller/intent/apply_intent.py in_effect": "for so long at most",
    "federation/supervisor/admin.py _exchange": "one answer, in a time and up to a size",
    "federation/supervisor/certificates/tokens.py replaced": "until a file is new or a link ends",
    "federation/supervisor/drain.py wait_for_end": "a proxy leaves, for so long at most",
    "federation/wire/rpc/heartbeat.py read": "until there is a word for others",
    "federation/wire/rpc/run_session.py send": "a stream, whose owner opens the next one",
    "federation/wire/rpc/run_session.py read": "the same",
    "federation/wire/rpc/run_session.py receive": "the same",
    "federation/wire/rpc/run_session.py _ask": "the same",
    "cluster_agent/dns/server.py _serve_tcp": "one connection",
    "cluster_agent/turns.py run": "until nothing is dirty",
    "cluster_agent/source/directory.py _read": "until the files are read that were found",
    "federation/verify/generator.py run": "a load that is made for a while",
    "federation/verify/paced.py _quiet": "until a load has ended, for so long at most",
}
"""Loops that wait and are none of a process."""

MAKERS = {"Loop", "stay_connected"}
ELSEWHERE = {"server", "server-", "http", "tcp", "flush", "beat"}
"""Loops of the demo's applications, of what makes load and faults, and of single streams."""


@cache
def trees() -> dict[str, ast.Module]:
    files = [f for p in PACKAGES for f in (ROOT / p).rglob("*.py") if "_pb2" not in f.name]
    return {str(file.relative_to(ROOT)): ast.parse(file.read_text()) for file in files}


def functions() -> Iterator[tuple[str, ast.AsyncFunctionDef]]:
    for name, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.AsyncFunctionDef):
                yield f"{name} {node.name}", node


def waits(node: ast.AST) -> bool:
    inner = (ast.Await, ast.AsyncFor, ast.AsyncWith)
    return any(isinstance(found, inner) for found in ast.walk(node))


def test_whatever_loops_and_waits_is_a_loop_or_ends_by_itself() -> None:
    found = {
        name
        for name, function in functions()
        if any(isinstance(node, ast.While) and waits(node) for node in ast.walk(function))
    }
    assert found == set(ENDS_BY_ITSELF)


def test_no_task_is_started_whose_end_nobody_sees() -> None:
    for name, function in functions():
        for node in ast.walk(function):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                called = ast.unparse(node.value.func)
                assert called.rpartition(".")[2] not in {"create_task", "ensure_future"}, name
                assert called not in {"start", "tasks.start"}, name


def loop_names() -> set[str]:
    """The names in the source, of those that have a varying part the beginning."""
    found = set()
    for node in (node for tree in trees().values() for node in ast.walk(tree)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in MAKERS and node.args:
            name: Any = node.args[0]
            if isinstance(name, ast.JoinedStr):
                name = name.values[0]
            if isinstance(name, ast.Constant):
                found.add(str(name.value).strip())
    return found


def proxy_settings(folder: Path) -> ProxySettings:
    envoy = folder / "envoy"
    envoy.write_text("#!/bin/sh\necho 'envoy  version: abc/1.40.0/Clean/RELEASE/x'\n")
    envoy.chmod(0o755)
    return ProxySettings(
        agent=Address("127.0.0.1", 1),
        trust_file=folder / "trust.pem",
        token_file=folder / "token",
        state=folder,
        address="127.0.0.1",
        envoy=envoy,
    )


def gateway(folder: Path) -> tuple[Loop, ...]:
    proxy = Proxy("gw", Kind.GATEWAY, State.STARTING, "127.0.0.1", 15443, entry="127.99.0.0/24")
    return Supervisor(proxy_settings(folder), proxy, ()).loops


def sidecar(folder: Path) -> tuple[Loop, ...]:
    address = "127.0.0.1"
    proxy = Proxy("shop/api", Kind.SIDECAR, State.STARTING, address, 15006, app_address=address)
    return Supervisor(proxy_settings(folder), proxy, (), unused_seconds=9).loops


def fedmesh_identity(folder: Path) -> tuple[Loop, ...]:
    return workload_certificate.loops(
        IdentitySettings(
            agent=Address("127.0.0.1", 1),
            trust_file=folder / "trust.pem",
            token_file=folder / "token",
            state=folder,
            grpc_socket=folder / "s",
        )
    )


def dns(folder: Path) -> tuple[Loop, ...]:
    disk, table = Disk(), Table(ZONES)
    feed = Feed(table, folder, lambda: None, disk)
    server = DnsServer(table, Sources(9), TcpLimits(Sources(9)))
    loops = feed.loops("127.0.0.1:1", folder / "trust.pem", folder / "token")
    return (*loops, disk.loop, server.ticking)


def agent(folder: Path) -> tuple[Loop, ...]:
    world, east = World(folder), ClusterId("east")
    source = DirectorySource(folder)
    status = StatusFile(folder, lambda: source.problems)
    made = Agent(east, source, status, folder)
    sync = ControllerConnection(
        world.authority,
        made.down.receiver,
        made.reports,
        rejoin=Rejoin(world.authority, folder, east, None),
        controller="127.0.0.1:1",
        on_facts=made.on_facts,
        on_refusals=made.on_refusals,
    )
    renewal = Renewal(world.authority, folder, sync.ask, made.disk)
    rekeying = Rekeying(world.authority, folder, lambda: "", sync.ask)
    more = (sync.loop, renewal.loop, rekeying.loop, Workloads().server.loop)
    return agent_main.all_loops(made, source, more)


class Silent(socket.socket):
    """Listens, and nobody comes."""

    def __init__(self) -> None:
        self._end, self._other_end = os.pipe()

    def __del__(self) -> None:
        os.close(self._end)
        os.close(self._other_end)

    def fileno(self) -> int:
        return self._end

    def gettimeout(self) -> float:
        return 0.0

    def accept(self) -> Any:
        raise BlockingIOError


def controller(folder: Path) -> tuple[Loop, ...]:
    store = FakeStore()
    authority = open_authority(folder, "mesh.test", [], utc_now())
    sessions = Sessions(Registry(), store)
    members = Members(store, authority, "mesh.test", "")
    departures, endings = Departures(sessions, members), Endings(sessions, members)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    renewal = controller_main.renewing(context, authority)
    taking = Listening(ConnectionGuard(), asyncio.Protocol, context).loop(Silent())
    audit = Audit(FakeLines())
    shown = Objects(sessions, Gate(audit, ()), Revisions(1)).shown.loop
    more = (departures.loop, endings.loop, audit.loop, shown, renewal, taking)
    intent = ApplyIntent(store, ())
    return (*controller_main.all_loops(sessions, more, (intent.loop,)), intent.loop)


PROCESSES = (controller, agent, dns, gateway, sidecar, fedmesh_identity)
ERRORS = (OSError(errno.EIO, "the disk fails"), ValueError("odd"), asyncio.CancelledError())


def test_every_loop_in_the_source_is_of_a_process_that_is_tried_here(tmp_path: Path) -> None:
    tried: set[str] = set()
    for number, process in enumerate(PROCESSES):
        folder = tmp_path / str(number)
        folder.mkdir()
        tried |= {loop.name.partition(" ")[0] for loop in process(folder)}
    assert loop_names() - ELSEWHERE == tried


class Thrown:
    """A turn into which an error is thrown at the place where it first waits."""

    def __init__(self, turn: Callable[[], Any], error: BaseException) -> None:
        self._turn, self._error = turn, error

    def __await__(self) -> Generator[Any, Any, None]:
        steps = self._turn().__await__()
        try:
            next(steps)
            yield
            steps.throw(self._error)
        except StopIteration:
            return
        finally:
            steps.close()


@pytest.mark.looptime
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.__name__)
async def test_every_loop_of_every_process_goes_on_after_any_error(
    process: Callable[[Path], tuple[Loop, ...]],
    error: BaseException,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Envoy, "_start", lambda envoy, _: setattr(envoy, "pid", os.getpid()))
    loops = process(tmp_path)
    again: set[Loop] = set()
    for loop in loops:
        loop.turn = failing(loop, error, again)
    async with running(loops):
        await asyncio.sleep(3 * LONGEST_PAUSE)
    assert again == set(loops)
    assert not any(loop.trouble for loop in loops)


def failing(loop: Loop, error: BaseException, again: set[Loop]) -> Callable[[], Any]:
    """Turns that fail where the real one begins and where it waits; then one that works."""
    real, count = loop.turn, 0

    async def turn() -> None:
        nonlocal count
        count += 1
        if count == 1:
            raise error
        if count <= 3:
            await Thrown(real, error)
            raise error
        loop.works()
        again.add(loop)
        await asyncio.Event().wait()

    return turn
