"""Nobody without an identity of the clusterset gets in, and gateways cannot read what they pass."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from federation.envoy import checks
from federation.model.errors import Denied, FedmeshError, NotReady, PeerBroke
from federation.runtime.clock import wall_seconds
from federation.supervisor.certificates import agent_trust
from federation.supervisor.relay import TYPES
from federation.trust.issue import make_csr, new_key
from federation.trust.pem import pem
from federation.trust.workload_tokens import mint_workload_token
from federation.wire import codec
from federation.wire import federation_pb2 as pb
from federation.wire.rpc import methods
from federation.wire.rpc.channel import Identity, connect
from federation.xds.receiver import Receiver
from tests.e2e import tls
from tests.e2e.rig import Mesh, finish
from tests.e2e.tls import PASSED_ON, TERMINATED, Shown

pytestmark = pytest.mark.timeout(120)

WEB = "spiffe://us-west.fedmesh.demo/ns/demo/sa/web"
_PRIVATE = re.compile(
    rb"-----BEGIN (?:EC )?PRIVATE KEY-----.*?-----END (?:EC )?PRIVATE KEY-----", re.S
)


def _public(key: object) -> bytes:
    return key.public_bytes(  # type: ignore[attr-defined, no-any-return]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _keys_in(folder: Path) -> set[bytes]:
    """The public halves of all private keys that lie anywhere in a folder."""
    found = set()
    for file in folder.rglob("*"):
        if file.is_file():
            for text in _PRIVATE.findall(file.read_bytes().replace(b"\\n", b"\n")):
                key = serialization.load_pem_private_key(text, None)
                found.add(_public(key.public_key()))
    return found


def test_the_gateway_passes_on_what_it_has_no_key_to_read(mesh: Mesh, tmp_path: Path) -> None:
    caller = tls.identity_of(mesh, "us-west-web-1-sidecar")
    gateway = mesh.member("us-east-gateway").address("mtls")
    answer = tls.ask(gateway, PASSED_ON, caller, tmp_path)
    assert answer.text.startswith(b"HTTP/1.1 200 ")
    assert WEB.encode() in answer.text
    leaf = answer.certificate
    assert leaf is not None
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [
        "spiffe://us-east.fedmesh.demo/ns/demo/sa/api"
    ]
    state = mesh.paths.state
    backends = _keys_in(state("us-east-api-1-sidecar")) | _keys_in(state("us-east-api-2-sidecar"))
    gateways = _keys_in(state("us-east-gateway"))
    assert _public(leaf.public_key()) in backends
    assert gateways
    assert _public(leaf.public_key()) not in gateways
    assert not gateways & backends


def test_the_gateway_ends_no_tls_on_the_chain_that_passes_on(mesh: Mesh) -> None:
    dump = json.loads(mesh.ask_envoy("us-east-gateway", "/config_dump?resource=dynamic_listeners"))
    chains = {
        chain["name"]: chain
        for listener in dump["configs"]
        if listener["name"] == "east-west"
        for chain in listener["active_state"]["listener"]["filter_chains"]
    }
    assert chains["passthrough"]["filter_chain_match"]["server_names"] == ["*.svc.clusterset.local"]
    assert "transport_socket" not in chains["passthrough"]
    assert "transport_socket" in chains["terminated"]
    assert "transport_socket" in chains["terminated-raw"]


def test_a_sidecar_is_checked_by_gateways_of_its_own_cluster_only(
    mesh: Mesh, tmp_path: Path
) -> None:
    """The echo of a check has no end of its own: who is revoked could stay there."""
    inbound = _inbound(mesh)

    def said(name: str | None) -> bytes:
        shown = tls.identity_of(mesh, name) if name else None
        return tls.ask(inbound, PASSED_ON, shown, tmp_path, alpn=checks.ALPN).text

    assert said("us-east-gateway") == tls.REQUEST
    for stranger in ("us-west-gateway", "us-east-web-1-sidecar", "us-west-web-1-sidecar", None):
        assert said(stranger) == b"", stranger


def _inbound(mesh: Mesh) -> str:
    return mesh.member("us-east-api-1-sidecar").address("inbound")


def _gateway(mesh: Mesh) -> str:
    return mesh.member("us-east-gateway").address("mtls")


DOORS = pytest.mark.parametrize(
    ("address", "server_name"),
    [
        pytest.param(_inbound, PASSED_ON, id="sidecar"),
        pytest.param(_gateway, PASSED_ON, id="gateway-passing-on"),
        pytest.param(_gateway, TERMINATED, id="gateway-terminating"),
    ],
)


@DOORS
def test_an_identity_of_the_clusterset_gets_an_answer(
    mesh: Mesh, tmp_path: Path, address: Callable[[Mesh], str], server_name: str
) -> None:
    shown = tls.identity_of(mesh, "us-west-web-1-sidecar")
    assert tls.ask(address(mesh), server_name, shown, tmp_path).text.startswith(b"HTTP/1.1 ")


@DOORS
@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(lambda: None, id="no-certificate"),
        pytest.param(lambda: tls.self_signed(WEB), id="self-signed"),
        pytest.param(lambda: tls.foreign("us-west", "fedmesh.demo", "demo/web"), id="foreign-root"),
    ],
)
def test_a_stranger_gets_no_answer(
    mesh: Mesh,
    tmp_path: Path,
    address: Callable[[Mesh], str],
    server_name: str,
    shown: Callable[[], Shown | None],
) -> None:
    assert tls.ask(address(mesh), server_name, shown(), tmp_path).text == b""


@pytest.mark.parametrize("address", [_inbound, _gateway], ids=["sidecar", "gateway"])
def test_plain_text_gets_no_answer(mesh: Mesh, address: Callable[[Mesh], str]) -> None:
    assert tls.ask_plain(address(mesh)).text == b""


# -- the agent ----------------------------------------------------------------------------------


def workload_token(mesh: Mesh, cluster: str, subject: str, seconds: int = 600) -> str:
    key = mesh.paths.workload_key(cluster).read_bytes()
    return mint_workload_token(key, subject, int(wall_seconds()) + seconds)


async def certify(mesh: Mesh, token: str) -> None:
    trust = agent_trust.read_trust(mesh.paths.state("us-east-agent") / "trust.pem")
    address = mesh.member("us-east-agent").address("xds")
    async with connect(address, trust.identity, trust.agent_host, token) as agent:
        await agent.call(methods.CERTIFY, pb.CertifyRequest(csr=pem(make_csr(new_key()))))


async def _subscribe(mesh: Mesh, token: str, node: str) -> object:
    trust = agent_trust.read_trust(mesh.paths.state("us-east-agent") / "trust.pem")
    address = mesh.member("us-east-agent").address("xds")
    async with (
        connect(address, trust.identity, trust.agent_host, token) as agent,
        agent.stream(methods.RESOURCES) as link,
    ):
        await link.write(Receiver(node, TYPES).open()[0])
        return await link.read()


def test_the_agent_serves_a_proxy_with_its_own_token(mesh: Mesh) -> None:
    token = workload_token(mesh, "us-east", "demo/web")
    finish(certify(mesh, token))
    assert finish(_subscribe(mesh, token, "sidecar/demo/web-1")) is not None


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(lambda _: "", id="none"),
        pytest.param(lambda _: "fmw1.wrong.wrong", id="wrong"),
        pytest.param(lambda m: workload_token(m, "us-west", "demo/web"), id="of-another-cluster"),
        pytest.param(lambda m: workload_token(m, "us-east", "demo/web", -1), id="expired"),
    ],
)
def test_the_agent_refuses_a_proxy_without_a_good_token(
    mesh: Mesh, token: Callable[[Mesh], str]
) -> None:
    with pytest.raises(Denied):
        finish(certify(mesh, token(mesh)))
    # gRPC loses the reason when the stream is refused while its first message is being sent.
    with pytest.raises((Denied, PeerBroke)):
        finish(_subscribe(mesh, token(mesh), "sidecar/demo/web-1"))


@pytest.mark.parametrize(
    ("subject", "node"),
    [
        ("demo/web", "sidecar/demo/api-1"),
        ("other/web", "sidecar/demo/web-1"),
        ("demo/web", "gateway/gateway-1"),
        ("gateway:gateway-1", "sidecar/demo/web-1"),
        ("gateway:gateway-2", "gateway/gateway-1"),
        ("entry:gateway-1", "gateway/gateway-1"),
    ],
)
def test_the_agent_refuses_a_token_for_somebody_else(mesh: Mesh, subject: str, node: str) -> None:
    with pytest.raises(Denied, match=f"is for {subject}"):
        finish(_subscribe(mesh, workload_token(mesh, "us-east", subject), node))


# -- the controller -----------------------------------------------------------------------------


async def _report(mesh: Mesh, shown: Shown | None) -> object:
    root = mesh.paths.root().read_bytes()
    identity = Identity(root, shown.key, shown.chain) if shown else Identity(root)
    address = mesh.member("controller").address("grpc")
    async with (
        connect(address, identity, "fedmesh.demo") as controller,
        controller.stream(methods.FACTS) as link,
    ):
        await link.write(Receiver("agent/us-west", codec.FACTS).open()[0])
        return await link.read()


def test_the_controller_refuses_who_shows_no_certificate(mesh: Mesh) -> None:
    with pytest.raises(NotReady):
        finish(_report(mesh, None))


def test_the_controller_refuses_a_stranger(mesh: Mesh) -> None:
    with pytest.raises(FedmeshError):
        finish(_report(mesh, tls.foreign("us-west", "fedmesh.demo", "demo/web")))


def test_the_controller_refuses_a_workload(mesh: Mesh) -> None:
    # Under a root that was lost meanwhile (test_e2e_backup) the handshake fails already.
    reasons = r"is not an agent|closed the connection"
    with pytest.raises((Denied, PeerBroke, NotReady), match=reasons):
        finish(_report(mesh, tls.identity_of(mesh, "us-west-web-1-sidecar")))
