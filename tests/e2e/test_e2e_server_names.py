"""Every name of a gateway's clusters as the server name of a connection to its WAN port.

Two clusters export a service without any sidecar, with addresses for each cluster, so that their
gateways have every kind of cluster. Its applications note all that reaches them.
"""

import contextlib
import json
import socket
import ssl
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from federation.envoy.bootstrap import XDS_CLUSTER
from tests.e2e import tls
from tests.e2e.plain import PORTS, listening, steered
from tests.e2e.rig import Mesh, wait_until
from tests.e2e.tls import REQUEST, Shown

pytestmark = pytest.mark.timeout(120)

HOMES = {"us-east": "127.77.0.1", "us-west": "127.77.0.2"}
OURS = tuple(f".{zone}.clusterset.local" for zone in ("svc", "svc-t", "svc-r"))
GATEWAY = "us-east-gateway"
CALLER = "us-west-web-1-sidecar"
SERVER_HELLO, HANDSHAKE, RECORDS = 2, 22, (20, 21, 22, 23)
_HEAD, _SECONDS, _AT_ONCE = 5, 2.0, 16


@dataclass(slots=True)
class Witness:
    """What reached the applications of the service."""

    heard: list[bytes] = field(default_factory=list)

    def serve(self, connection: socket.socket) -> None:
        """Speak first, note what comes, say it again."""
        connection.sendall(b"witness\n")
        while data := connection.recv(65536):
            self.heard.append(data)
            connection.sendall(data)


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back: the bytes, and what of them a finished handshake says in clear."""

    raw: bytes
    text: bytes = b""

    @property
    def is_tls(self) -> bool:
        """Whether all of it is a server's side of TLS (or nothing): no echo, nothing in clear."""
        rest = self.raw
        if rest and (rest[0], rest[_HEAD]) not in ((HANDSHAKE, SERVER_HELLO), (21, rest[_HEAD])):
            return False
        while rest:
            if rest[0] not in RECORDS or rest[1] != 3:
                return False
            rest = rest[_HEAD + int.from_bytes(rest[3:_HEAD]) :]
        return True


@pytest.fixture(scope="module")
def witness(mesh: Mesh) -> Iterator[Witness]:
    """The service `witness`, known to both gateways."""
    found = Witness()
    with contextlib.ExitStack() as stack:
        for cluster, address in HOMES.items():
            for _, port in PORTS:
                stack.enter_context(listening(address, port, found.serve))
            stack.enter_context(mesh.edited(cluster, "witness.yaml", steered("witness", address)))
        wait_until("the gateway has all of it", lambda: _has_all(mesh), 15)
        yield found


def clusters_of(mesh: Mesh) -> set[str]:
    """The names of all clusters of the gateway."""
    answer = json.loads(mesh.ask_envoy(GATEWAY, "/clusters?format=json"))
    return {found["name"] for found in answer["cluster_statuses"]}


def _has_all(mesh: Mesh) -> bool:
    names = clusters_of(mesh)
    wanted = ["7000.witness.demo.svc-r", "8080.witness.demo.svc-t", "8080.witness.demo.svc"]
    steering = [f"out~{how}.{c}~7000.witness.demo.svc" for how in ("only", "prefer") for c in HOMES]
    return all(any(n.startswith(f"{w}.clusterset.local") for n in names) for w in wanted + steering)


def server_names(mesh: Mesh) -> list[str]:
    """The names of its clusters, and what somebody could make of them."""
    names = clusters_of(mesh)
    assert {"out", "remote"} <= {name.partition("~")[0] for name in names}
    assert XDS_CLUSTER in names
    bare = {name.rstrip("~") for name in names}
    return sorted({*names, *bare, *map(str.upper, bare), *(f"{name}." for name in bare)})


def exchange(address: str, name: str, context: ssl.SSLContext, clear: bytes = b"") -> Heard:
    """A handshake with a request after it, or `clear` after the first message of one."""
    host, _, port = address.rpartition(":")
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    side = context.wrap_bio(incoming, outgoing, server_hostname=name)
    raw, text, is_in = b"", b"", False
    with (
        contextlib.suppress(OSError, ssl.SSLError),
        socket.create_connection((host, int(port)), _SECONDS) as plain,
    ):
        while True:
            try:
                if not is_in:
                    side.do_handshake()
                    is_in = True
                    side.write(REQUEST)
                if not (data := side.read()):
                    break
                text += data
            except ssl.SSLWantReadError:
                plain.sendall(outgoing.read() + (clear if not raw else b""))
                data = plain.recv(65536)
                if not data:
                    break
                raw += data
                incoming.write(data)
    return Heard(raw, text)


def context_of(shown: Shown | None, folder: Path) -> ssl.SSLContext:
    """A client that believes everybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if shown is not None:
        file = folder / "shown.pem"
        file.write_bytes(shown.key + shown.chain)
        context.load_cert_chain(file)
    return context


def try_all(
    mesh: Mesh, names: Iterable[str], context: ssl.SSLContext, clear: bytes = b""
) -> dict[str, Heard]:
    """Each server name once, at the WAN port of the gateway."""
    address = mesh.member(GATEWAY).address("mtls")
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        tried = {name: pool.submit(exchange, address, name, context, clear) for name in names}
    return {name: found.result() for name, found in tried.items()}


@pytest.mark.parametrize("clear", [b"", b"hello\nworld\n"], ids=["handshake", "clear-text"])
def test_no_server_name_leads_a_stranger_to_an_application(
    mesh: Mesh, witness: Witness, tmp_path: Path, clear: bytes
) -> None:
    before = len(witness.heard)
    names = server_names(mesh)
    found = try_all(mesh, names, context_of(None, tmp_path), clear)
    assert {name for name, heard in found.items() if not heard.is_tls or heard.text} == set()
    answered = {name for name, heard in found.items() if heard.raw}
    assert {n for n in answered if not n.lower().endswith(OURS)} == set(), "nobody is there"
    assert f"8080.api.demo{OURS[0]}" in answered, "a sidecar, which wants a certificate"
    assert witness.heard[before:] == []


def test_a_caller_with_a_certificate_chooses_among_the_workloads_of_the_cluster_alone(
    mesh: Mesh, witness: Witness, tmp_path: Path
) -> None:
    before = len(witness.heard)
    names = server_names(mesh)
    context = context_of(tls.identity_of(mesh, CALLER), tmp_path)
    found = try_all(mesh, names, context)
    answered = {name for name, heard in found.items() if heard.raw}
    assert {n for n in answered if "~" in n or not n.lower().endswith(OURS)} == set()
    assert b"witness" in found[f"7000.witness.demo{OURS[2]}"].text
    assert len(witness.heard) > before
