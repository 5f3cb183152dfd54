"""Each of the two locks alone keeps a cluster from speaking for another, and servers from lying.

Real Envoys and a real gRPC server without a mesh around them. One lock is opened on purpose: the
validator's map is replaced by the root, or the authority has no name constraints.
"""

import asyncio
import contextlib
import ssl
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from envoy.extensions.transport_sockets.tls.v3 import common_pb2, secret_pb2

from federation.envoy.build import CLUSTERSET, Resource, packed, spiffe_validation, trust_name
from federation.envoy.identity import IDENTITY, identity_secret
from federation.model.errors import NotReady
from federation.model.exports import AppProtocol
from federation.model.locality import Locality
from federation.model.names import ClusterId, sni
from federation.model.plans import Destination, Part, Plan, PortPlan, Target, Tier
from federation.model.proxies import Upstream
from federation.model.types import SECRET
from federation.trust.pem import pem
from federation.wire import federation_pb2 as pb
from federation.wire.rpc import methods
from federation.wire.rpc.channel import Identity, connect
from federation.wire.rpc.server import serve
from sidecar.compile import Inbound, InboundPort, compile_inbound
from sidecar.outbound import compile_outbound
from sidecar.upstreams import compile_upstream, ways
from tests.e2e import forge, tls
from tests.e2e.forge import DOMAIN, VICTIM, Forger, Stolen, clusterset
from tests.e2e.lone import Lone
from tests.e2e.tls import Shown
from tests.eager import eager_routes
from tests.unit.builders import API, port

pytestmark = [pytest.mark.timeout(60), pytest.mark.envoy]

HOST, CLIENT, INBOUND, SERVICE, LISTEN = "127.71.0.1", "127.71.0.3", 15006, 7000, 17000
WEST, EAST = clusterset("us-west", "us-east")
SNI = sni(API, SERVICE)
WEB, SERVED = "/ns/shop/sa/web", "/ns/shop/sa/api"
ROUTES = eager_routes()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="fm-", dir="/tmp") as found:
        yield Path(found)


def secrets(shown: Shown, validations: Iterable[tuple[str, bytes]]) -> tuple[Resource, ...]:
    """What an Envoy shows, and whom it believes under which name."""
    own = identity_secret(shown.chain.decode(), shown.key.decode())
    believed = (Resource(SECRET, name, body) for name, body in validations)
    return (Resource(SECRET, IDENTITY, own), *believed)


def by_the_map(*believed: Stolen) -> tuple[tuple[str, bytes], ...]:
    """As in the mesh: each trust domain with its own anchor."""
    bundles = [member.bundle for member in believed]
    names = (CLUSTERSET, trust_name([VICTIM]))
    return tuple((name, spiffe_validation(bundles, name)) for name in names)


def by_the_root() -> tuple[tuple[str, bytes], ...]:
    """The second lock open: whatever leads to the root is believed."""
    context = common_pb2.CertificateValidationContext(
        trusted_ca={"inline_string": pem(WEST.root).decode()}
    )
    secret = secret_pb2.Secret(name=CLUSTERSET, validation_context=context)
    return ((CLUSTERSET, packed(secret)),)


@asynccontextmanager
async def receiving(folder: Path, *validations: tuple[str, bytes]) -> AsyncIterator[Lone]:
    """A sidecar of us-east that answers 503 to whom it lets in, since nothing is behind it."""
    ports = (InboundPort(SNI, SERVICE, AppProtocol.HTTP1),)
    told = Inbound("shop/api-1", HOST, HOST, ports, HOST, inbound_port=INBOUND)
    lone = Lone(folder / "sidecar")
    lone.put((*secrets(forge.good(EAST, SERVED), validations), *compile_inbound(told), ROUTES))
    async with lone.running():
        yield lone


async def gets_in(folder: Path, shown: Shown) -> bool:
    answer = await asyncio.to_thread(tls.ask, f"{HOST}:{INBOUND}", SNI, shown, folder)
    return answer.text.startswith(b"HTTP/1.1 503")


async def test_name_constraints_alone_keep_a_cluster_to_itself_at_envoy(folder: Path) -> None:
    async with receiving(folder, *by_the_root()) as sidecar:
        assert await gets_in(folder, forge.good(WEST, WEB))
        assert not await gets_in(folder, forge.of_another_cluster(WEST, WEB))
        # Without constraints it is let in: what refuses above is the first lock and no other.
        assert await gets_in(folder, forge.of_another_cluster_unconfined(WEST, WEB))
        assert await sidecar.counter(r"listener\..*\.ssl\.fail_verify_error") == 1


async def test_the_validators_map_alone_keeps_a_cluster_to_itself_at_envoy(folder: Path) -> None:
    async with receiving(folder, *by_the_map(WEST, EAST)):
        assert await gets_in(folder, forge.good(WEST, WEB))
        assert await gets_in(folder, forge.good(EAST, WEB))
        assert not await gets_in(folder, forge.of_another_cluster_unconfined(WEST, WEB))


async def test_a_cluster_that_is_not_in_the_map_does_not_get_in(folder: Path) -> None:
    async with receiving(folder, *by_the_map(EAST)):
        assert await gets_in(folder, forge.good(EAST, WEB))
        assert not await gets_in(folder, forge.good(WEST, WEB))


async def test_name_constraints_alone_keep_a_cluster_to_itself_at_grpc() -> None:
    """The handler believes everybody: only what TLS refuses is refused."""
    root, address = pem(WEST.root), f"{HOST}:15012"

    async def certify(*_: object) -> pb.Certificate:
        return pb.Certificate(chain=b"in")

    async def in_as(shown: Shown) -> bool:
        identity = Identity(root, shown.key, shown.chain)
        async with connect(address, identity, VICTIM) as agent:
            try:
                await agent.call(methods.CERTIFY, pb.CertifyRequest())
            except NotReady:
                return False
        return True

    draft = replace(EAST.draft(EAST.own("/agent")), dns=(VICTIM,))
    server = EAST.shown(draft)
    served = Identity(root, server.key, server.chain)
    async with serve(address, [(methods.CERTIFY, certify)], lambda: served):
        assert await in_as(forge.good(WEST, "/agent"))
        assert not await in_as(forge.of_another_cluster(WEST, "/agent"))
        assert await in_as(forge.of_another_cluster_unconfined(WEST, "/agent"))


async def test_a_clusters_authority_makes_no_controller() -> None:
    """An agent knows its controller by the root and a name that no authority may sign."""
    address = f"{HOST}:7443"

    async def renew(*_: object) -> pb.Certificate:
        return pb.Certificate(chain=b"in")

    async def is_believed(authority: x509.Certificate) -> bool:
        draft = replace(WEST.draft(f"spiffe://{DOMAIN}/controller"), dns=(DOMAIN,))
        shown = WEST.shown(draft, authority)
        served = Identity(b"", shown.key, shown.chain)
        server = serve(address, [(methods.CERTIFY, renew)], lambda: served, require_client=False)
        async with server, connect(address, Identity(pem(WEST.root)), DOMAIN) as controller:
            try:
                await controller.call(methods.CERTIFY, pb.CertifyRequest())
            except NotReady:
                return False
        return True

    assert not await is_believed(WEST.intermediate)
    assert await is_believed(WEST.unconfined()), "what refuses above are the constraints alone"


# -- who answers a call -------------------------------------------------------------------------

LIARS: dict[str, tuple[Stolen, Forger, str]] = {
    "another-workload": (EAST, forge.good, WEB),
    "gateway": (EAST, forge.good, "/gateway"),
    "entry": (EAST, forge.good, "/entry"),
    "the-same-workload-elsewhere": (WEST, forge.good, SERVED),
    "of-another-cluster": (WEST, forge.of_another_cluster, SERVED),
    "of-another-cluster-unconfined": (WEST, forge.of_another_cluster_unconfined, SERVED),
    "expired": (EAST, forge.expired, SERVED),
    "not-yet-valid": (EAST, forge.not_yet_valid, SERVED),
    "authority-itself": (EAST, forge.authority_itself, SERVED),
    "authority-with-an-id": (EAST, forge.authority_with_an_id, SERVED),
    "without-key-usage": (EAST, forge.without_key_usage, SERVED),
    "without-an-id": (EAST, forge.without_an_id, SERVED),
}


@asynccontextmanager
async def calling(folder: Path) -> AsyncIterator[Lone]:
    """A sidecar whose application dials an upstream: only api of us-east may answer."""
    target = Tier(
        (Destination(ClusterId("us-east"), Locality("", ""), 1, (Target(HOST, INBOUND),)),)
    )
    stated = port(SERVICE, "tcp-echo", "")
    route = Plan(API, (PortPlan(stated, SNI, (Part("d", 1, (target,)),)),), (EAST.own(SERVED),))
    upstream = Upstream(CLIENT, LISTEN, API, SERVICE)
    lone = Lone(folder / "sidecar")
    lone.put((*secrets(forge.good(EAST, WEB), by_the_map(WEST, EAST)), *compile_outbound(route)))
    lone.put(r for way in ways(route) for r in compile_upstream(upstream, way))
    async with lone.running():
        yield lone


async def heard_from(folder: Path, shown: Shown) -> bytes:
    """What the application hears when this certificate answers its call."""
    file = folder / "server.pem"
    file.write_bytes(shown.key + shown.chain)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello\n")
        with contextlib.suppress(OSError):
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(greet, HOST, INBOUND, ssl=context):
        reader, writer = await asyncio.open_connection(CLIENT, LISTEN)
        try:
            async with asyncio.timeout(10):
                return await reader.readline()
        except ConnectionError:
            return b""
        finally:
            writer.close()


async def test_only_the_right_workload_answers_a_call(folder: Path) -> None:
    """Every wrong one has shaken hands with Envoy, which then would not have it."""
    async with calling(folder) as sidecar:
        failures = r"cluster\..*\.ssl\.(fail_verify_.*|connection_error)"
        for name, (whose, forger, path) in LIARS.items():
            before = await sidecar.counter(failures)
            assert await heard_from(folder, forger(whose, path)) == b"", name
            assert await sidecar.counter(failures) > before, name
        assert await heard_from(folder, forge.good(EAST, SERVED)) == b"hello\n"
