"""Floods at the gRPC ports of agent and controller: others' calls go on, memory has a bound.

Beside each attack others make 20 calls a second over a connection of their own.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from federation.client.documents import cluster_document
from federation.model.errors import FedmeshError, NotReady, PeerBroke
from federation.model.types import ENDPOINTS
from federation.runtime.tasks import cancel, start
from federation.supervisor.certificates import agent_trust
from federation.trust.issue import make_csr, new_key
from federation.trust.pem import pem
from federation.verify.guarantees import percentile
from federation.wire import codec
from federation.wire import federation_pb2 as pb
from federation.wire.rpc import methods
from federation.wire.rpc.channel import Connection, connect
from tests.e2e.hostile import Agent, join
from tests.e2e.lone_controller import lone_controller
from tests.e2e.rig import Mesh, finish
from tests.e2e.test_e2e_only_ours import workload_token
from tests.e2e.wire_flood import KINDS, Attack, attacked

pytestmark = [pytest.mark.timeout(120), pytest.mark.alone]

SOURCE = "127.30.250.3"
PACE_SECONDS = 0.05
QUIET_SECONDS = 1.0
SECONDS = 3.0
SLOWEST_SECONDS = 1.0
"""What ten times a quiet 99th percentile may be at the least, on two busy cores (0.01 to 0.4 s on
quiet ones). Before connections were cut it was as long as the attack."""
MB = 1 << 20
PINNED_BY_STRANGERS = 96 * MB
PINNED_BY_MEMBERS = 192 * MB
ENOUGH = "too many certificates"
"""An answer like any other: one token gets so many."""
CSR = pem(make_csr(new_key()))
Attacking = AbstractAsyncContextManager[None]


def some(kinds: Iterable[str], *quick: str) -> list[Any]:
    """All of them, those that are not quick for the long run only."""
    return [pytest.param(k, marks=() if k in quick else pytest.mark.slow) for k in kinds]


@dataclass(slots=True)
class Calls:
    """Calls of others: how long those took that were answered, and why the rest failed."""

    took: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


async def _calls(connection: Connection, method: methods.Method, seconds: float) -> Calls:
    out = Calls()

    async def one() -> None:
        began = time.monotonic()
        try:
            await connection.call(method, pb.CertifyRequest(csr=CSR))
        except NotReady as error:
            if ENOUGH not in str(error):
                out.failed.append(str(error))
                return
        except FedmeshError:
            pass  # refused is answered
        out.took.append(time.monotonic() - began)

    async with asyncio.TaskGroup() as group:
        for _ in range(round(seconds / PACE_SECONDS)):
            group.create_task(one())
            await asyncio.sleep(PACE_SECONDS)
    return out


async def judge(
    connection: Connection, method: methods.Method, pid: int, attack: Attacking, most: int
) -> None:
    """Run an attack beside others' calls and hold what they are promised."""
    await _calls(connection, method, PACE_SECONDS)
    quiet = await _calls(connection, method, QUIET_SECONDS)
    before, largest = memory(pid), 0
    async with attack:
        work = start(_calls(connection, method, SECONDS), "others")
        while not work.done():
            largest = max(largest, memory(pid))
            await asyncio.sleep(0.05)
        found = await work
    slow, calm = percentile(found.took, 99), percentile(quiet.took, 99)
    told = f"99 % within {slow:.3f} s, {calm:.3f} s before; {(largest - before) / MB:.0f} MB more"
    assert not found.failed, (told, found.failed)
    assert slow < max(10 * calm, SLOWEST_SECONDS), told
    assert largest - before < most, told


@asynccontextmanager
async def frames(attack: Attack) -> AsyncIterator[None]:
    """Frames in a process of their own; whoever sends them is cut."""
    with attacked(attack) as running:
        yield
        outcome = await asyncio.wrap_future(running)
    assert outcome.cut or outcome.sent < 64 * MB, outcome


@asynccontextmanager
async def requests(
    connection: Connection, method: methods.Method, request: bytes
) -> AsyncIterator[None]:
    """One stream after the other, with one request on each; the server ends each."""
    ended = 0

    async def run() -> None:
        nonlocal ended
        while True:
            with suppress(PeerBroke, NotReady):
                async with connection.stream(replace(method, encode_call=bytes)) as link:
                    await link.write(request)
                    while await link.read() is not None:
                        pass
            ended += 1

    work = start(run(), "requests")
    try:
        yield
    finally:
        await cancel(work)
    assert ended > 1


def memory(pid: int) -> int:
    """Bytes of a process in memory."""
    found = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


@asynccontextmanager
async def at_the_agent(mesh: Mesh) -> AsyncIterator[tuple[Connection, int, str]]:
    """A connection of others, the agent's process, and a token of an attacker."""
    trust = agent_trust.read_trust(mesh.paths.state("us-east-agent") / "trust.pem")
    pid = int(mesh.process("us-east-agent")["pid"])
    token = workload_token(mesh, "us-east", "demo/web")
    async with connect(agents_address(mesh), trust.identity, trust.agent_host, token) as others:
        yield others, pid, token


def agents_address(mesh: Mesh) -> str:
    return mesh.member("us-east-agent").address("xds")


@pytest.mark.parametrize(
    "kind", some(KINDS, "messages that do not end", "heads that unfold", "unknown frames")
)
def test_frames_of_strangers_at_the_agent_harm_no_other(mesh: Mesh, kind: str) -> None:
    async def run() -> None:
        async with at_the_agent(mesh) as (others, pid, _):
            attack = Attack(kind, agents_address(mesh), SOURCE, methods.CERTIFY.path)
            await judge(others, methods.CERTIFY, pid, frames(attack), PINNED_BY_STRANGERS)

    finish(run())


@pytest.mark.parametrize(
    "method",
    [
        pytest.param(methods.CERTIFY, id="call", marks=pytest.mark.slow),
        pytest.param(methods.RESOURCES, id="stream"),
    ],
)
def test_messages_that_do_not_end_from_who_holds_a_token_have_a_bound(
    mesh: Mesh, method: methods.Method
) -> None:
    async def run() -> None:
        async with at_the_agent(mesh) as (others, pid, token):
            kind = "messages that do not end"
            attack = Attack(kind, agents_address(mesh), SOURCE, method.path, token)
            await judge(others, methods.CERTIFY, pid, frames(attack), PINNED_BY_MEMBERS)

    finish(run())


MANY = 1_000_000
COSTLY = {
    "names": pb.SyncRequest(type_url=ENDPOINTS, subscribe=["a"] * MANY),
    "unsubscribes": pb.SyncRequest(type_url=ENDPOINTS, unsubscribe=["a"] * MANY),
    "versions": pb.SyncRequest(
        type_url=ENDPOINTS, initial_versions={str(n): "v" for n in range(450_000)}
    ),
}


@pytest.mark.parametrize("what", some(COSTLY, "versions"))
def test_costly_requests_of_who_holds_a_token_harm_no_other(mesh: Mesh, what: str) -> None:
    message = pb.SyncRequest(node=pb.Node(id="sidecar/demo/web-9"))
    message.MergeFrom(COSTLY[what])
    request = message.SerializeToString()

    async def run() -> None:
        async with at_the_agent(mesh) as (others, pid, token):
            trust = agent_trust.read_trust(mesh.paths.state("us-east-agent") / "trust.pem")
            async with connect(
                agents_address(mesh), trust.identity, trust.agent_host, token
            ) as attacker:
                attack = requests(attacker, methods.RESOURCES, request)
                await judge(others, methods.CERTIFY, pid, attack, PINNED_BY_STRANGERS)

    finish(run())


# -- a member, at the controller ------------------------------------------------------------------


@pytest.fixture
def members(tmp_path: Path) -> Iterator[tuple[Agent, Agent, int]]:
    """Two members of a controller that nobody else uses, and its process."""
    with lone_controller(tmp_path) as controller:
        client = controller.start()
        for name in ("east", "west"):
            client.put_cluster(cluster_document(name, "eu"))
        address = f"{controller.host}:7443"
        assert controller.process is not None
        yield join(client, "east", address), join(client, "west", address), controller.process.pid


@pytest.mark.parametrize(
    "kind",
    some(["messages that do not end", "heads that do not end"], "messages that do not end"),
)
def test_frames_of_a_member_at_the_controller_harm_no_other(
    members: tuple[Agent, Agent, int], kind: str, tmp_path: Path
) -> None:
    honest, hostile, pid = members
    shown = tmp_path / "hostile.pem"
    shown.write_bytes(hostile.identity.key + hostile.identity.chain)

    async def run() -> None:
        attack = Attack(kind, hostile.address, SOURCE, methods.RENEW.path, certificate=str(shown))
        async with honest.connected() as others:
            await judge(others, methods.RENEW, pid, frames(attack), PINNED_BY_MEMBERS)

    finish(run())


@pytest.mark.parametrize("what", some(COSTLY, "versions"))
def test_costly_requests_of_a_member_harm_no_other(
    members: tuple[Agent, Agent, int], what: str
) -> None:
    honest, hostile, pid = members
    message = pb.SyncRequest()
    message.CopyFrom(COSTLY[what])
    message.type_url = codec.SERVICE
    request = message.SerializeToString()

    async def run() -> None:
        async with honest.connected() as others, hostile.connected() as attacker:
            attack = requests(attacker, methods.FACTS, request)
            await judge(others, methods.RENEW, pid, attack, PINNED_BY_STRANGERS)

    finish(run())
