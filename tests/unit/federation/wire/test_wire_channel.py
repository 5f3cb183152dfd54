"""Real gRPC on the loopback with real certificates: who gets in, and what a failure becomes."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from federation.model.errors import Conflict, Denied, Failed, FedmeshError, InvalidInput, NotReady
from federation.runtime.clock import utc_now
from federation.wire import federation_pb2 as pb
from federation.wire import methods
from federation.wire.channel import Identity, connect
from federation.wire.links import Link, Peer
from federation.wire.server import clock_of, serve
from federation.xds.messages import Request, Response
from tests.unit.fakes.authorities import make_authority

EAST = make_authority(utc_now())
OURS = EAST.identity(utc_now())
NAME = "agent.east.mesh.test"
FOREIGN = make_authority(utc_now()).identity(utc_now())


def free_address() -> str:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{found.getsockname()[1]}"


class Server:
    """Answers certify with an error or nothing, and streams with one response."""

    def __init__(self) -> None:
        self.address = free_address()
        self.peers: list[Peer] = []
        self.errors: list[FedmeshError] = []

    async def certify(self, _: Any, peer: Peer) -> pb.Certificate:
        self.peers.append(peer)
        if self.errors:
            raise self.errors.pop()
        return pb.Certificate(chain=b"chain")

    async def stream(self, link: Link[Request, Response], peer: Peer) -> None:
        self.peers.append(peer)
        request = await link.read()
        assert request is not None
        await link.write(Response(request.type_url, "1"))
        if self.errors:
            raise self.errors.pop()


@asynccontextmanager
async def served(
    *, require_client: bool = True, limits: tuple[tuple[str, int], ...] = ()
) -> AsyncIterator[Server]:
    server = Server()
    handlers = ((methods.CERTIFY, server.certify), (methods.FACTS, server.stream))
    async with serve(
        server.address, handlers, lambda: OURS, require_client=require_client, limits=limits
    ):
        yield server


async def ask(server: Server, identity: Identity, token: str = "") -> Any:
    async with connect(server.address, identity, NAME, token) as connection:
        return await connection.call(methods.CERTIFY, pb.CertifyRequest())


async def test_a_member_gets_in_and_its_whole_chain_is_seen() -> None:
    async with served() as server:
        assert (await ask(server, OURS)).chain == b"chain"
    assert server.peers[0].chain.count(b"BEGIN CERTIFICATE") >= 1
    assert OURS.chain.startswith(server.peers[0].chain[:200])


@pytest.mark.parametrize(
    "identity",
    [
        pytest.param(Identity(OURS.roots), id="no client certificate"),
        pytest.param(Identity(OURS.roots, FOREIGN.key, FOREIGN.chain), id="foreign client"),
        pytest.param(Identity(FOREIGN.roots, OURS.key, OURS.chain), id="foreign server"),
    ],
)
async def test_strangers_do_not_get_in(identity: Identity) -> None:
    async with served() as server:
        with pytest.raises(NotReady, match=server.address):
            await ask(server, identity)
    assert server.peers == []


async def test_a_server_of_another_name_is_not_spoken_to() -> None:
    async with served() as server, connect(server.address, OURS, "agent.west.mesh.test") as other:
        with pytest.raises(NotReady):
            await other.call(methods.CERTIFY, pb.CertifyRequest())
    assert server.peers == []


async def test_who_shows_a_token_needs_no_certificate_where_none_is_asked_for() -> None:
    async with served(require_client=False) as server:
        await ask(server, Identity(OURS.roots), "secret")
        await ask(server, Identity(OURS.roots))
    assert [(peer.token, peer.chain) for peer in server.peers] == [("secret", b""), ("", b"")]


@pytest.mark.parametrize("kind", [InvalidInput, Denied, NotReady, Conflict])
async def test_an_error_crosses_the_wire_as_what_it_is(kind: type[FedmeshError]) -> None:
    async with served() as server:
        server.errors = [kind("the reason")]
        with pytest.raises(kind, match=f"{server.address}: the reason"):
            await ask(server, OURS)


async def test_a_stream_carries_messages_and_ends_with_the_servers_reason() -> None:
    async with served() as server, connect(server.address, OURS, NAME) as connection:
        server.errors = [Denied("revoked")]
        async with connection.stream(methods.FACTS) as link:
            await link.write(Request("type.example/x"))
            assert await link.read() == Response("type.example/x", "1")
            with pytest.raises(Denied, match="revoked"):
                await link.read()


async def test_who_opens_a_stream_says_how_late_it_is() -> None:
    async with (
        served() as server,
        connect(server.address, OURS, NAME) as connection,
        connection.stream(methods.FACTS) as link,
    ):
        await link.write(Request("type.example/x"))
        await link.read()
    (peer,) = server.peers
    assert peer.clock is not None
    assert abs(peer.clock) < 5


@pytest.mark.parametrize(
    ("said", "clock"),
    [
        (None, None), ("", None), ("soon", None), ("nan", None), ("inf", None), ("1e300", None),
        ("9" * 1_000_000, None), ("-5", -1005.0), ("1060.5", 60.5),
    ],
)  # fmt: skip
def test_a_time_that_makes_no_sense_says_nothing(said: str | None, clock: float | None) -> None:
    assert clock_of(said, 1000.0) == clock


async def test_a_stream_that_ends_well_reads_as_none() -> None:
    async with (
        served() as server,
        connect(server.address, OURS, NAME) as connection,
        connection.stream(methods.FACTS) as link,
    ):
        await link.write(Request("type.example/x"))
        await link.read()
        assert await link.read() is None


async def test_an_address_that_is_taken_says_so() -> None:
    async with served() as server:
        with pytest.raises(Failed, match="taken by another program"):
            async with serve(server.address, (), lambda: OURS):
                pass


async def test_who_is_refused_is_logged_with_the_reason(caplog: pytest.LogCaptureFixture) -> None:
    async with served() as server:
        server.errors = [Denied("not an agent")]
        with pytest.raises(Denied):
            await ask(server, OURS)
    (line,) = [r.message for r in caplog.records if r.levelno == logging.WARNING]
    assert line.startswith("call refused method=Certify peer=ipv4:127.0.0.1:")
    assert line.endswith("reason='not an agent'")


async def ends_within(address: str, seconds: float, said: bytes = b"") -> bool:
    """Whether the server closes a connection on which so much was said, and nothing more."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(said)
        async with asyncio.timeout(seconds):
            await reader.read()
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    finally:
        writer.close()
    return True


async def test_a_handshake_that_is_never_finished_ends_and_others_get_in() -> None:
    async with served(limits=(("grpc.server_handshake_timeout_ms", 300),)) as server:
        silent = asyncio.gather(
            ends_within(server.address, 5.0), ends_within(server.address, 5.0, b"\x16\x03\x01")
        )
        assert (await ask(server, OURS)).chain == b"chain"
        assert all(await silent)


async def test_a_connection_beyond_the_most_is_closed_and_those_inside_go_on() -> None:
    async with served(limits=(("grpc.max_allowed_incoming_connections", 1),)) as server:
        async with connect(server.address, OURS, NAME) as inside:
            await inside.call(methods.CERTIFY, pb.CertifyRequest())
            assert await ends_within(server.address, 5.0)
            answer = await inside.call(methods.CERTIFY, pb.CertifyRequest())
        assert answer.chain == b"chain"
