"""Real gRPC on the loopback with real certificates: who gets in, and what a failure becomes."""

import asyncio
import logging
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest

from federation.model.errors import Conflict, Denied, Failed, FedmeshError, InvalidInput, NotReady
from federation.runtime import binding
from federation.runtime.clock import utc_now
from federation.runtime.loops import running
from federation.wire import federation_pb2 as pb
from federation.wire.rpc import methods, server_links
from federation.wire.rpc import server as wire_server
from federation.wire.rpc.arrivals import Arrivals
from federation.wire.rpc.channel import LONGEST_PAUSE, Identity, connect, stay_connected
from federation.wire.rpc.methods import Method
from federation.wire.rpc.server import clock_of, serve
from federation.wire.rpc.streams import Link, Peer
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

    def authenticate(self, peer: Peer) -> None:
        if peer.token == "bad":
            raise Denied("the token is bad")


@asynccontextmanager
async def served(
    *, require_client: bool = True, limits: tuple[tuple[str, int], ...] = ()
) -> AsyncIterator[Server]:
    server = Server()
    handlers = ((methods.CERTIFY, server.certify), (methods.FACTS, server.stream))
    async with serve(
        server.address,
        handlers,
        lambda: OURS,
        authenticate=server.authenticate,
        require_client=require_client,
        limits=limits,
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


_REFUSES = "closed the connection"


@pytest.mark.parametrize(
    ("identity", "reason"),
    [
        pytest.param(Identity(OURS.roots), _REFUSES, id="no client certificate"),
        pytest.param(
            Identity(OURS.roots, FOREIGN.key, FOREIGN.chain), _REFUSES, id="foreign client"
        ),
        pytest.param(
            Identity(FOREIGN.roots, OURS.key, OURS.chain),
            "an authority that is not trusted here",
            id="foreign server",
        ),
    ],
)
async def test_strangers_do_not_get_in_and_are_told_why_in_words(
    identity: Identity, reason: str
) -> None:
    async with served() as server:
        with pytest.raises(NotReady, match=server.address) as refused:
            await ask(server, identity)
    assert server.peers == []
    assert reason in str(refused.value)
    assert not re.search(r"SSL|ipv4|error:|recvmsg", str(refused.value))


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


async def test_an_address_that_is_taken_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binding, "PATIENCE_SECONDS", 0.0)
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


@asynccontextmanager
async def opened(server: Server, method: Method, token: str, more: int = 0) -> AsyncIterator[Any]:
    """A call on which nothing has been said yet."""
    credentials = grpc.ssl_channel_credentials(OURS.roots, OURS.key, OURS.chain)
    options = [("grpc.ssl_target_name_override", NAME)]
    async with grpc.aio.secure_channel(server.address, credentials, options) as channel:
        metadata = [("authorization", f"Bearer {token}"), *[("x", "y")] * more]
        yield channel.stream_stream(method.path)(metadata=metadata)


@pytest.mark.parametrize("method", [methods.CERTIFY, methods.FACTS])
async def test_who_may_not_call_hears_it_before_it_has_said_anything(method: Method) -> None:
    async with served() as server, opened(server, method, "bad") as call:
        assert await call.code() is grpc.StatusCode.PERMISSION_DENIED
        assert await call.details() == "the token is bad"
    assert server.peers == []


async def test_a_call_with_too_many_headers_is_refused() -> None:
    more = wire_server.HEADERS
    async with served() as server, opened(server, methods.CERTIFY, "good", more) as call:
        assert await call.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert await call.details() == "a call may have at most 50 headers"
    assert server.peers == []


async def test_a_question_that_does_not_come_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server_links, "CALL_SECONDS", 0.1)
    async with served() as server, opened(server, methods.CERTIFY, "good") as call:
        assert await call.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert await call.details() == "the message did not come whole in 0.1 s"
    assert server.peers == []


async def test_a_question_without_a_message_is_refused() -> None:
    async with served() as server, opened(server, methods.CERTIFY, "good") as call:
        await call.done_writing()
        assert await call.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_what_grpc_bounds_by_itself_it_is_told() -> None:
    told = dict(wire_server._SERVER)
    assert told["grpc.max_connection_idle_ms"] == wire_server.IDLE_SECONDS * 1000
    assert told["grpc.keepalive_time_ms"] == wire_server.PING_SECONDS * 1000
    assert told["grpc.keepalive_timeout_ms"] == wire_server.PONG_SECONDS * 1000
    assert told["grpc.max_concurrent_streams"] == wire_server.STREAMS_PER_CONNECTION
    assert told["grpc.max_allowed_incoming_connections"] == wire_server.MAX_CONNECTIONS


async def test_a_request_for_a_certificate_has_a_size_of_its_own() -> None:
    async with served() as server, connect(server.address, OURS, NAME) as connection:
        request = pb.CertifyRequest(csr=b"x" * methods.MAX_CALL_BYTES)
        with pytest.raises(InvalidInput, match=f"may have at most {methods.MAX_CALL_BYTES}"):
            await connection.call(methods.CERTIFY, request)
    assert server.peers == []


async def test_what_is_no_request_is_said_to_be_none() -> None:
    async with served() as server, opened(server, methods.CERTIFY, "good") as call:
        await call.write(b"\xff\xff")
        assert await call.code() is grpc.StatusCode.INTERNAL
        assert "these bytes are not a CertifyRequest" in await call.details()


async def test_more_calls_at_once_than_a_connection_may_have_are_all_answered() -> None:
    """Those beyond the number are refused by the server, and made again."""
    async with served() as server, connect(server.address, OURS, NAME) as connection:
        calls = (connection.call(methods.CERTIFY, pb.CertifyRequest()) for _ in range(300))
        answers = await asyncio.gather(*calls)
    assert {answer.chain for answer in answers} == {b"chain"}


@pytest.mark.looptime
async def test_a_peer_that_cannot_be_used_is_said_once_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tries = 0

    async def meet() -> None:
        nonlocal tries
        tries += 1
        raise NotReady("nobody is there")

    async with running([stay_connected("agent", meet)]):
        await asyncio.sleep(60)
    assert tries >= 60 / LONGEST_PAUSE
    (said,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert "agent cannot be used" in said.getMessage()
    assert "nobody is there" in said.getMessage()
    assert said.exc_info is None


async def test_a_connection_that_says_nothing_is_met_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    met, loop = asyncio.Event(), asyncio.get_running_loop()
    monkeypatch.setattr(Arrivals, "ring", lambda _: loop.call_soon_threadsafe(met.set))
    async with served() as server:
        await asyncio.sleep(0)  # it was asked for its certificate when it began
        met.clear()
        host, _, port = server.address.partition(":")
        with socket.create_connection((host, int(port))):
            async with asyncio.timeout(5):
                assert await met.wait()
        monkeypatch.undo()
