"""Who shows a certificate of the root is told apart, and whoever shows none goes on as before."""

import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from federation.apiserver.tls import tls_context
from federation.trust import issue, profile
from federation.trust.pem import key_pem, pem
from federation.wire.rpc.channel import Identity
from tests.unit.federation.trust.trust_certs import (
    API,
    DOMAIN,
    EAST_MEMBER,
    LEAF_KEY,
    NOW,
    ROOT,
    make_root,
)

_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME
KEY = LEAF_KEY.public_key()
SERVER = issue.issue_controller(
    ROOT.cert, ROOT.key, KEY, profile.api_profile(DOMAIN, ["ctl.example"], []), NOW
)
WANTED = profile.user_profile(DOMAIN, "ann", timedelta(days=1))
ANN = issue.issue_controller(ROOT.cert, ROOT.key, KEY, WANTED, NOW)


def shown_to_the_server(folder: Path, chain: tuple[x509.Certificate, ...]) -> bytes | None:
    """What the server has of the client after a handshake (DER); raises what it found wrong."""
    inner = tls_context(Identity(pem(ROOT.cert), key_pem(LEAF_KEY), pem(SERVER)))
    outer = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    outer.load_verify_locations(cadata=pem(ROOT.cert).decode())
    if chain:
        (folder / "client.pem").write_bytes(key_pem(LEAF_KEY) + pem(*chain))
        outer.load_cert_chain(folder / "client.pem")
    for context in (inner, outer):
        context.verify_flags = ssl.VerifyFlags(context.verify_flags | _NO_CHECK_TIME)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = outer.wrap_bio(to_client, to_server, server_hostname="ctl.example")
    server = inner.wrap_bio(to_server, to_client, server_side=True)
    ends = [client, server]
    while ends:
        for end in tuple(ends):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            ends.remove(end)
    return server.getpeercert(binary_form=True)


def test_a_user_is_seen_and_who_shows_nothing_is_let_in_as_nobody(tmp_path: Path) -> None:
    assert shown_to_the_server(tmp_path, (ANN,)) == ANN.public_bytes(Encoding.DER)
    assert shown_to_the_server(tmp_path, ()) is None


def test_the_leaf_of_a_workload_comes_in_and_is_judged_later(tmp_path: Path) -> None:
    leaf = EAST_MEMBER.leaf(LEAF_KEY, API)
    found = shown_to_the_server(tmp_path, (leaf, EAST_MEMBER.intermediate))
    assert found == leaf.public_bytes(Encoding.DER)


def test_name_constraints_alone_keep_a_cluster_from_making_a_user(tmp_path: Path) -> None:
    forged = issue.issue_leaf(EAST_MEMBER.intermediate, EAST_MEMBER.key, KEY, WANTED, NOW)
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        shown_to_the_server(tmp_path, (forged, EAST_MEMBER.intermediate))


def test_what_another_root_signs_gets_no_connection(tmp_path: Path) -> None:
    other = make_root()
    forged = issue.issue_controller(other.cert, other.key, KEY, WANTED, NOW)
    with pytest.raises(ssl.SSLCertVerificationError, match="certificate verify failed"):
        shown_to_the_server(tmp_path, (forged,))


def test_a_certificate_that_is_for_servers_alone_is_no_clients(tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match=r"(unsuitable|unsupported).*purpose"):
        shown_to_the_server(tmp_path, (SERVER,))
