"""A cluster that exists in a test only: it has joined, holds its authority's key, and opens what
anybody of the clusterset may open. Then it is revoked.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from cluster_agent.authority.authority import Authority
from cluster_agent.authority.join import open_authority
from federation.model.names import ClusterId
from federation.runtime.clock import utc_now
from federation.trust.issue import make_csr, new_key
from federation.trust.pem import key_pem, pem
from federation.wire import codec
from federation.wire import federation_pb2 as pb
from federation.wire.rpc import methods
from federation.wire.rpc.channel import connect
from federation.wire.rpc.streams import Link
from federation.xds.receiver import Receiver
from tests.e2e.rig import Mesh, finish
from tests.e2e.tls import Shown

_SECONDS = 5.0
_REQUEST = b"GET / HTTP/1.1\r\nhost: api.demo.svc.clusterset.local:8080\r\n\r\n"
_LIFE = timedelta(hours=1)
HOUR = 3_600


def state_cluster(mesh: Mesh, name: str) -> None:
    """State a cluster, as an operator does."""
    mesh.client.put_cluster(
        {
            "apiVersion": "fedmesh.dev/v1alpha1",
            "kind": "Cluster",
            "metadata": {"name": name},
            "spec": {"region": "eu", "zones": ["a"]},
        }
    )


def join(mesh: Mesh, name: str, folder: Path, life: timedelta = _LIFE) -> Authority:
    """Join with a new token; the key in `folder` stays what it is. `life` is that of leaves."""
    folder.mkdir(exist_ok=True)
    token = folder / "token"
    token.write_text(mesh.client.create_join_token(name, HOUR)["token"])
    (folder / "member.json").unlink(missing_ok=True)
    return finish(open_authority(folder, ClusterId(name), token, life))


def renew(mesh: Mesh, authority: Authority, **more: Any) -> pb.Certificate:
    """Ask the controller for an intermediate, as an agent does; raises what it answers."""
    request = pb.CertifyRequest(**{"csr": authority.request(), **more})

    async def ask() -> pb.Certificate:
        address = mesh.member("controller").address("grpc")
        identity = authority.identity(utc_now())
        async with connect(address, identity, authority.membership.domain) as controller:
            answer: pb.Certificate = await controller.call(methods.RENEW, request)
            return answer

    return finish(ask())


def workload(authority: Authority, subject: str = "demo/web") -> Shown:
    """An identity that the cluster gives to one of its workloads."""
    key = new_key()
    made = authority.certify(subject, pem(make_csr(key)), utc_now())
    return Shown(key_pem(key), made.chain)


@contextlib.asynccontextmanager
async def agent_stream(mesh: Mesh, authority: Authority) -> AsyncIterator[Link[Any, Any]]:
    """The stream of facts, open and answered once."""
    identity = authority.identity(utc_now())
    address = mesh.member("controller").address("grpc")
    async with (
        connect(address, identity, authority.membership.domain) as controller,
        controller.stream(methods.FACTS) as link,
    ):
        await link.write(Receiver("agent/thief", codec.FACTS).open()[0])
        async with asyncio.timeout(_SECONDS):
            await link.read()
        yield link


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, 0 for none, and whether the connection goes on."""

    status: int
    stays: bool = False


class Door:
    """Somewhere to knock with one identity, keeping what TLS gives for coming again."""

    def __init__(self, address: str, server_name: str, shown: Shown, folder: Path) -> None:
        host, _, port = address.rpartition(":")
        self._address = (host, int(port))
        self._server_name = server_name
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE
        self._context.set_alpn_protocols(["http/1.1"])
        file = folder / f"{server_name}.pem"
        file.write_bytes(shown.key + shown.chain)
        self._context.load_cert_chain(file)

    def open(self, session: ssl.SSLSession | None = None) -> ssl.SSLSocket:
        """A connection; raises OSError when it is refused at once."""
        plain = socket.create_connection(self._address, _SECONDS)
        return self._context.wrap_socket(plain, server_hostname=self._server_name, session=session)

    def knock(self, session: ssl.SSLSession | None = None) -> tuple[Answer, bool]:
        """One request over a new connection: the answer, and whether the session was resumed."""
        try:
            with self.open(session) as connection:
                answer = ask(connection)
                return answer, bool(connection.session_reused)
        except OSError:
            return Answer(0), False


def ask(connection: ssl.SSLSocket) -> Answer:
    """One request over an open connection; with TLS 1.3 a refusal is seen only when reading."""
    try:
        connection.sendall(_REQUEST)
        head = _read_answer(connection)
    except OSError:
        return Answer(0)
    if not head:
        return Answer(0)
    status = int(head.split(b" ", 2)[1])
    return Answer(status, b"connection: close" not in head.lower())


def _read_answer(connection: ssl.SSLSocket) -> bytes:
    """The head of an answer; its body is read as well."""
    found = b""
    while b"\r\n\r\n" not in found:
        data = connection.recv(65_536)
        if not data:
            return b""
        found += data
    head, _, body = found.partition(b"\r\n\r\n")
    length = next(_lengths(head), 0)
    while len(body) < length:
        body += connection.recv(65_536)
    return head


def _lengths(head: bytes) -> Iterator[int]:
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            yield int(value)
