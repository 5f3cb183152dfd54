"""TLS as a stranger would speak it: one request with whatever certificate is at hand."""

import contextlib
import json
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from federation.model.names import ClusterId
from federation.runtime.clock import utc_now
from federation.trust import issue, profile, spiffe
from federation.trust.pem import key_pem, pem
from tests.e2e.rig import Mesh

REQUEST = b"GET / HTTP/1.1\r\nhost: api.demo.svc.clusterset.local:8080\r\nconnection: close\r\n\r\n"
PASSED_ON = "8080.api.demo.svc.clusterset.local"
TERMINATED = "8080.api.demo.svc-t.clusterset.local"
_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Shown:
    """What a client shows: key and chain, PEM."""

    key: bytes
    chain: bytes


def identity_of(mesh: Mesh, name: str) -> Shown:
    """The identity of a proxy of the demo."""
    found = json.loads((mesh.paths.state(name) / "identity.json").read_bytes())
    return Shown(found["key"].encode(), found["chain"].encode())


def self_signed(uri: str) -> Shown:
    """A certificate of a stranger's own making that claims an identity."""
    key, now = issue.new_key(), utc_now()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stranger")])
    wanted = profile.AuthorityProfile("stranger", uri, 0, "", profile.LEAF_LIFE)
    made = issue.make_root(key, wanted, now)
    assert made.issuer == made.subject == name
    return Shown(key_pem(key), pem(made))


def foreign(cluster: str, domain: str, subject: str) -> Shown:
    """The same identity from another mesh's root of the same name."""
    now = utc_now()
    root_key, key, leaf_key = issue.new_key(), issue.new_key(), issue.new_key()
    root = issue.make_root(root_key, profile.root_profile(domain), now)
    trust_domain = spiffe.trust_domain(ClusterId(cluster), domain)
    wanted = profile.intermediate_profile(trust_domain)
    authority = issue.issue_intermediate(root, root_key, key.public_key(), wanted, now)
    uri = spiffe.subject_id(trust_domain, subject)
    leaf = issue.issue_leaf(authority, key, leaf_key.public_key(), profile.leaf_profile(uri), now)
    return Shown(key_pem(leaf_key), pem(leaf, authority))


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: nothing when refused; `certificate` is what the server showed."""

    text: bytes
    certificate: x509.Certificate | None = None


def ask_plain(address: str) -> Answer:
    """One request without TLS."""
    with contextlib.suppress(OSError), socket.create_connection(_split(address), _SECONDS) as plain:
        return Answer(_exchange(plain))
    return Answer(b"")


def ask(
    address: str, server_name: str, shown: Shown | None, folder: Path, *, alpn: str = "http/1.1"
) -> Answer:
    """One request over TLS; the server is believed whatever it shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols([alpn])
    if shown is not None:
        file = folder / "shown.pem"
        file.write_bytes(shown.key + shown.chain)
        context.load_cert_chain(file)
    certificate = None
    with (
        contextlib.suppress(OSError),
        socket.create_connection(_split(address), _SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=server_name) as wrapped,
    ):
        data = wrapped.getpeercert(binary_form=True)
        certificate = x509.load_der_x509_certificate(data) if data else None
        return Answer(_exchange(wrapped), certificate)
    return Answer(b"", certificate)


def _exchange(connection: socket.socket) -> bytes:
    """With TLS 1.3 a refusal of the client's certificate is seen only when reading."""
    connection.sendall(REQUEST)
    found = b""
    with contextlib.suppress(OSError):
        while data := connection.recv(65536):
            found += data
    return found


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)
