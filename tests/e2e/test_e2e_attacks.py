"""Attackers with the keys of a whole cluster, against the running mesh: nothing opens for them.

The attacker has all of us-west: its authority's key, its agent, its workloads. For the cases in
which only the second lock is left it has the root's key as well. Every refusal is told somewhere;
that nothing crashed and everybody else goes on is checked around each test (`conftest.py`).
"""

import contextlib
import http.client
import json
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from federation.client.documents import cluster_document
from federation.model.errors import Denied, FedmeshError, NotReady, PeerBroke
from federation.model.exports import Backend
from federation.model.names import ClusterId, ServiceName
from federation.runtime.clock import utc_now
from federation.supervisor.certificates.agent_trust import read_trust
from federation.trust import issue, profile
from federation.trust.join_tokens import parse_join_token
from federation.trust.pem import load_certificates, pem
from federation.wire import codec
from federation.wire import federation_pb2 as pb
from federation.wire.rpc import methods
from federation.wire.rpc.channel import Identity, connect
from federation.wire.rpc.server import serve
from federation.xds.messages import Request, Response
from federation.xds.receiver import Receiver
from federation.xds.resources import resource
from tests.e2e import forge, tls
from tests.e2e.flood import client_hello
from tests.e2e.forge import DOMAIN, FORGED, Forger, stolen
from tests.e2e.rig import Mesh, fedctl, finish, pause, wait_until
from tests.e2e.test_e2e_only_ours import DOORS, certify, workload_token
from tests.e2e.tls import PASSED_ON, TERMINATED, Shown

pytestmark = pytest.mark.timeout(120)

EVERY_FORGED = pytest.mark.parametrize("forger", FORGED.values(), ids=FORGED.keys())
FOR_PROXIES = {name: forger for name, forger in FORGED.items() if forger is not forge.two_ids}
GUESTS = ("liar", "newcomer", "late")
SIDECAR, GATEWAY = "us-east-api-1-sidecar", "us-east-gateway"


# -- gateways and sidecars ----------------------------------------------------------------------


@DOORS
def test_a_leaf_of_the_stolen_authority_opens_as_what_it_is(
    mesh: Mesh, tmp_path: Path, address: Callable[[Mesh], str], server_name: str
) -> None:
    """So that the tests below can fail: with no mistake in it the certificate gets an answer."""
    shown = forge.good(stolen(mesh, "us-west"), "/ns/demo/sa/web")
    assert tls.ask(address(mesh), server_name, shown, tmp_path).text.startswith(b"HTTP/1.1 ")


@DOORS
@pytest.mark.parametrize("forger", FOR_PROXIES.values(), ids=FOR_PROXIES.keys())
def test_a_forged_certificate_opens_no_proxy(
    mesh: Mesh, tmp_path: Path, address: Callable[[Mesh], str], server_name: str, forger: Forger
) -> None:
    shown = forger(stolen(mesh, "us-west"), "/ns/demo/sa/web")
    assert tls.ask(address(mesh), server_name, shown, tmp_path).text == b""


@DOORS
def test_a_leaf_with_two_ids_of_one_cluster_reaches_no_application(
    mesh: Mesh, tmp_path: Path, address: Callable[[Mesh], str], server_name: str
) -> None:
    """Envoy takes the leaf, and then refuses every request."""
    shown = forge.two_ids(stolen(mesh, "us-west"), "/ns/demo/sa/web")
    said = tls.ask(address(mesh), server_name, shown, tmp_path).text
    assert said.startswith(b"HTTP/1.1 403 ")
    assert b"caller" not in said


@pytest.mark.parametrize(
    ("name", "purpose", "server_name"),
    [(SIDECAR, "inbound", PASSED_ON), (GATEWAY, "mtls", TERMINATED)],
    ids=["sidecar", "gateway"],
)
def test_what_was_wrong_with_a_certificate_is_in_the_logs(
    mesh: Mesh, tmp_path: Path, name: str, purpose: str, server_name: str
) -> None:
    west, address = stolen(mesh, "us-west"), mesh.member(name).address(purpose)
    log = mesh.paths.state(name) / "envoy.log"
    before, told = len(log.read_bytes()), len(mesh.log(name))
    shown = [forge.expired, forge.of_another_cluster_unconfined, forge.authority_itself]
    for forger in shown:
        tls.ask(address, server_name, forger(west, "/ns/demo/sa/web"), tmp_path)
    tls.ask(address, server_name, None, tmp_path)

    def refusals() -> list[str]:
        lines = log.read_bytes()[before:].decode().splitlines()
        return [line for line in lines if "[refused]" in line]

    wait_until("Envoy's log tells of each", lambda: len(refusals()) > len(shown), 15)
    assert any("certificate_has_expired" in line for line in refusals())
    assert all(f"server_name={server_name}" in line for line in refusals())
    wait_until("the supervisor tells how many", lambda: _told(mesh, name, told), 12)


NAMES = {b"\x1b[31mred": "__31mred", b"a\n[refused] forged": "a__refused__forged"}
"""What a ClientHello may hold as the first part of its server name, and what Envoy makes of it."""
ENDED_HERE = b".svc-t.clusterset.local"


def test_a_server_name_is_written_to_the_log_as_text_only(mesh: Mesh) -> None:
    log = mesh.paths.state(GATEWAY) / "envoy.log"
    before = len(log.read_bytes())
    host, _, port = mesh.member(GATEWAY).address("mtls").rpartition(":")
    for part in (*NAMES, "a\x9b31m".encode(), "a\u202ebc".encode()):
        raw = part + ENDED_HERE
        name = ("ab" * len(raw))[: len(raw)].encode()
        hello = client_hello(name.decode()).replace(name, raw)
        with (
            socket.create_connection((host, int(port)), timeout=5) as connection,
            contextlib.suppress(ConnectionError),  # Envoy closes it as soon as it likes
        ):
            connection.sendall(hello)
            connection.recv(16_384)
            connection.sendall(b"\x16\x03\x03\x00\x05hello")  # no handshake goes on so
            while connection.recv(16_384):
                pass

    def said() -> str:
        return log.read_bytes()[before:].decode()

    wait_until("Envoy tells of each", lambda: said().count("server_name=invalid:") == 4, 12)
    assert all(f"server_name=invalid:{text}" in said() for text in NAMES.values())
    assert all(line.isprintable() and line.startswith("[2") for line in said().splitlines())


def _told(mesh: Mesh, name: str, before: int) -> bool:
    said = mesh.log(name)[before:]
    return "connections refused" in said and "certificate_invalid=" in said


@pytest.mark.parametrize("name", [SIDECAR, GATEWAY, "us-west-web-1-sidecar"])
def test_nobody_who_belongs_here_is_refused(mesh: Mesh, name: str) -> None:
    """Checks of gateways and calls of sidecars must not look like attacks."""
    log = mesh.paths.state(name) / "envoy.log"
    before = len(log.read_bytes())
    for _ in range(20):
        assert mesh.call("us-east", "orders")[0] == 200
        assert mesh.call("us-west")[0] == 200
    pause(2.5)
    assert "[refused]" not in log.read_bytes()[before:].decode()


# -- the controller -----------------------------------------------------------------------------


async def _follow(mesh: Mesh, shown: Shown | None, node: str = "agent/us-west") -> object:
    root = mesh.paths.root().read_bytes()
    identity = Identity(root, shown.key, shown.chain) if shown else Identity(root)
    address = mesh.member("controller").address("grpc")
    async with (
        connect(address, identity, DOMAIN) as controller,
        controller.stream(methods.FACTS) as link,
    ):
        await link.write(Receiver(node, codec.FACTS).open()[0])
        return await link.read()


def test_an_agent_of_the_stolen_authority_is_taken_for_what_it_is(mesh: Mesh) -> None:
    """So that the tests below can fail."""
    assert finish(_follow(mesh, forge.good(stolen(mesh, "us-west"), "/agent"))) is not None


@EVERY_FORGED
def test_a_forged_agent_is_told_nothing(mesh: Mesh, forger: Forger) -> None:
    with pytest.raises(FedmeshError):
        finish(_follow(mesh, forger(stolen(mesh, "us-west"), "/agent")))


@pytest.mark.parametrize("path", ["/ns/demo/sa/web", "/gateway", "/entry", "/agents"])
def test_no_other_identity_of_a_cluster_counts_as_its_agent(mesh: Mesh, path: str) -> None:
    before = len(mesh.log("controller"))
    with pytest.raises((Denied, PeerBroke)):
        finish(_follow(mesh, forge.good(stolen(mesh, "us-west"), path)))
    assert "is not an agent" in mesh.log("controller")[before:]


@pytest.mark.parametrize(
    ("forger", "reason"),
    [
        (forge.two_ids, "has 2 URIs, but must have exactly one"),
        (forge.without_key_usage, "lacks the extension KeyUsage"),
        (forge.of_another_cluster_unconfined, "is not signed by CN=us-east.fedmesh.demo"),
        (forge.unknown_trust_domain, "no anchor is known of trust domain elsewhere.test"),
    ],
)
def test_what_the_second_lock_has_against_an_agent_is_in_the_log(
    mesh: Mesh, forger: Forger, reason: str
) -> None:
    before = len(mesh.log("controller"))
    with pytest.raises((Denied, PeerBroke)):
        finish(_follow(mesh, forger(stolen(mesh, "us-west"), "/agent")))
    assert reason in mesh.log("controller")[before:]


# -- members that lie ---------------------------------------------------------------------------


@pytest.fixture(scope="module", autouse=True)
def others_leave(mesh: Mesh) -> Iterator[None]:
    """Who joins here is no part of the demo: for the tests that follow it must be gone."""
    yield
    for cluster in {c["id"] for c in mesh.client.clusters()} & set(GUESTS):
        done = fedctl("leave", cluster, "--yes", "--config", str(mesh.paths.fedctl))
        assert done.returncode == 0, done.stderr


def _token(mesh: Mesh, cluster: str, seconds: int = 600) -> str:
    """A join token for a cluster that is no part of the demo."""
    mesh.client.put_cluster(cluster_document(cluster, "us", network=cluster))
    token: str = mesh.client.create_join_token(cluster, seconds)["token"]
    return token


def _join(mesh: Mesh, token: str, key: Any) -> tuple[int, dict[str, Any]]:
    """One request to join, as an agent makes it."""
    domain = f"{parse_join_token(token).cluster}.{DOMAIN}"
    twin = issue.make_twin(key, profile.twin_profile(domain), utc_now())
    csr = issue.make_csr(key, domain)
    body = {"token": token, "csr": pem(csr).decode(), "twin": pem(twin).decode()}
    host, _, port = mesh.member("controller").address("api").rpartition(":")
    context = ssl.create_default_context(cafile=str(mesh.paths.root()))
    connection = http.client.HTTPSConnection(host, int(port), timeout=10, context=context)
    try:
        connection.request("POST", "/v1/join", json.dumps(body))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


async def _report(mesh: Mesh, shown: Shown, backend: Backend) -> Request:
    """Report one backend under this identity; what the controller says to it."""
    identity = Identity(mesh.paths.root().read_bytes(), shown.key, shown.chain)
    address = mesh.member("controller").address("grpc")
    async with (
        connect(address, identity, DOMAIN) as controller,
        controller.stream(methods.REPORTS) as link,
    ):
        await link.read()
        found = resource(str(backend.service), codec.encode(backend))
        await link.write(Response(codec.BACKEND, "1", (found,)))
        while (said := await link.read()) is not None:
            if said.nonce == "1":
                return said  # type: ignore[no-any-return]
    raise AssertionError("the controller said nothing")


def test_a_member_that_reports_for_another_cluster_is_refused_and_shown(mesh: Mesh) -> None:
    key = issue.new_key()
    status, joined = _join(mesh, _token(mesh, "liar"), key)
    assert status == 200
    authority = load_certificates(joined["chain"].encode())[0]
    west = stolen(mesh, "us-west")
    liar = forge.Stolen(f"liar.{DOMAIN}", key, authority, west.root, west.root_key)
    lie = Backend(ServiceName("demo", "api"), ClusterId("us-east"), (8080,), (), ())
    said = finish(_report(mesh, forge.good(liar, "/agent"), lie))
    assert "names cluster us-east, but liar reports it" in said.error
    problems = {c["id"]: c["problems"] for c in mesh.client.clusters()}
    assert any("names cluster us-east" in problem for problem in problems["liar"])
    assert not any("names cluster" in problem for problem in problems["us-east"])
    assert "report refused cluster=liar" in mesh.log("controller")


def test_the_name_in_a_message_does_not_make_an_agent_of_another_cluster(mesh: Mesh) -> None:
    """Who calls is what the certificate says; nothing of us-east is ended or replaced by it."""
    before = mesh.log("us-east-agent").count("controller cannot be used")
    finish(_follow(mesh, forge.good(stolen(mesh, "us-west"), "/agent"), node="agent/us-east"))
    assert mesh.log("us-east-agent").count("controller cannot be used") == before


# -- join tokens --------------------------------------------------------------------------------


def test_a_lost_answer_is_repeated_to_the_same_key_and_to_no_other(mesh: Mesh) -> None:
    token, key = _token(mesh, "newcomer"), issue.new_key()
    answers = [_join(mesh, token, key) for _ in range(2)]
    assert [status for status, _ in answers] == [200, 200]
    assert {said["trust_domain"] for _, said in answers} == {f"newcomer.{DOMAIN}"}
    before = len(mesh.log("controller"))
    status, said = _join(mesh, token, issue.new_key())
    assert status == 403
    assert "was already used for another key" in said["error"]["message"]
    assert "was already used for another key" in mesh.log("controller")[before:]


def test_an_expired_token_opens_nothing_and_is_in_the_log(mesh: Mesh) -> None:
    token = _token(mesh, "late", 1)
    pause(1.2)
    before = len(mesh.log("controller"))
    status, said = _join(mesh, token, issue.new_key())
    assert status == 403
    assert "has expired" in said["error"]["message"]
    log = mesh.log("controller")[before:]
    assert "has expired" in log
    assert parse_join_token(token).secret not in log


# -- the agent ----------------------------------------------------------------------------------


def test_an_agent_says_whom_it_refused_and_why(mesh: Mesh) -> None:
    before = len(mesh.log("us-east-agent"))
    with pytest.raises(Denied):
        finish(certify(mesh, workload_token(mesh, "us-west", "demo/web")))
    said = mesh.log("us-east-agent")[before:]
    assert "call refused method=Certify" in said
    assert "was not signed by this cluster's agent" in said


def test_a_proxys_leaf_is_no_token_at_an_agent(mesh: Mesh) -> None:
    """Certificates count for nothing there: an agent asks its proxies for their token."""
    shown = forge.good(stolen(mesh, "us-east"), "/gateway")
    trust = (mesh.paths.state("us-east-agent") / "trust.pem").read_bytes()
    address = mesh.member("us-east-agent").address("xds")

    async def ask() -> None:
        identity = Identity(trust, shown.key, shown.chain)
        async with connect(address, identity, f"agent.us-east.{DOMAIN}") as agent:
            csr = pem(issue.make_csr(issue.new_key()))
            await agent.call(methods.CERTIFY, pb.CertifyRequest(csr=csr))

    with pytest.raises(Denied):
        finish(ask())


def test_who_speaks_for_an_agent_without_its_key_is_not_believed(mesh: Mesh) -> None:
    """A supervisor knows its agent by the anchor of its own cluster, not by the clusterset's."""
    west = stolen(mesh, "us-west")
    shown = forge.of_another_cluster_unconfined(west, "/agent")
    assert finish(_believed(mesh, shown)) is False


async def _believed(mesh: Mesh, shown: Shown) -> bool:
    trust = read_trust(mesh.paths.state("us-east-agent") / "trust.pem")
    address = "127.30.9.9:15012"

    async def certify(*_: object) -> Any:
        return pb.Certificate(chain=b"")

    served = serve(
        address,
        [(methods.CERTIFY, certify)],
        lambda: Identity(b"", shown.key, shown.chain),
        require_client=False,
    )
    async with served, connect(address, trust.identity, trust.agent_host, "token") as agent:
        try:
            await agent.call(methods.CERTIFY, pb.CertifyRequest(csr=b""))
        except NotReady:
            return False
        return True
