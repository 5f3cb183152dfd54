"""What OpenSSL makes of our certificates: the first lock, each time in a real handshake.

Both ends live in memory. Times are not checked, so that the certificates may be of any day.
"""

import ssl
from pathlib import Path

import pytest
from cryptography import x509

from federation.trust import issue, profile
from federation.trust.pem import key_pem, pem
from tests.unit.federation.trust.trust_certs import (
    API,
    API_WEST,
    DOMAIN,
    EAST,
    EAST_MEMBER,
    LEAF_KEY,
    NOW,
    ROOT,
    WEST_MEMBER,
    Draft,
)

_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME
AGENT = profile.agent_host(EAST)
SERVER = (EAST_MEMBER.leaf(LEAF_KEY, API, (AGENT,)), EAST_MEMBER.intermediate)


def context(
    folder: Path, protocol: ssl._SSLMethod, chain: tuple[x509.Certificate, ...], anchor: bytes
) -> ssl.SSLContext:
    made = ssl.SSLContext(protocol)
    path = folder / f"{protocol.name}.pem"
    path.write_bytes(key_pem(LEAF_KEY) + pem(*chain))
    made.load_cert_chain(path)
    made.load_verify_locations(cadata=anchor.decode())
    made.verify_mode = ssl.CERT_REQUIRED
    made.verify_flags = ssl.VerifyFlags(made.verify_flags | _NO_CHECK_TIME)
    return made


def shake(
    folder: Path,
    client: tuple[x509.Certificate, ...],
    *,
    server: tuple[x509.Certificate, ...] = SERVER,
    name: str = AGENT,
    anchor: x509.Certificate = ROOT.cert,
) -> None:
    """A mutual TLS handshake in which the server trusts `anchor`; raises what either end found."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    outer = context(folder, ssl.PROTOCOL_TLS_CLIENT, client, pem(ROOT.cert))
    inner = context(folder, ssl.PROTOCOL_TLS_SERVER, server, pem(anchor))
    ends = [
        outer.wrap_bio(to_client, to_server, server_hostname=name),
        inner.wrap_bio(to_server, to_client, server_side=True),
    ]
    while ends:
        for end in tuple(ends):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            ends.remove(end)


def test_members_and_controller_understand_each_other(tmp_path: Path) -> None:
    """Nothing is raised."""
    west = (WEST_MEMBER.leaf(LEAF_KEY, API_WEST), WEST_MEMBER.intermediate)
    shake(tmp_path, west)
    shake(tmp_path, west, server=(by_root(profile.controller_profile(DOMAIN)),), name=DOMAIN)


def by_root(wanted: profile.LeafProfile) -> x509.Certificate:
    return issue.issue_controller(ROOT.cert, ROOT.key, LEAF_KEY.public_key(), wanted, NOW)


def test_the_apis_certificate_makes_nobody_the_controller(tmp_path: Path) -> None:
    west = (WEST_MEMBER.leaf(LEAF_KEY, API_WEST), WEST_MEMBER.intermediate)
    api = (by_root(profile.api_profile(DOMAIN, ["ctl.example"], ["192.0.2.1"])),)
    for name in ("ctl.example", "192.0.2.1"):
        shake(tmp_path, west, server=api, name=name)
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake(tmp_path, west, server=api, name=DOMAIN)
    with pytest.raises(ssl.SSLCertVerificationError, match=r"(unsuitable|unsupported).*purpose"):
        shake(tmp_path, api)


def test_a_twin_is_anchor_enough_for_its_own_members_only(tmp_path: Path) -> None:
    west = (WEST_MEMBER.leaf(LEAF_KEY, API_WEST), WEST_MEMBER.intermediate)
    shake(tmp_path, west, anchor=WEST_MEMBER.twin)
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get"):
        shake(tmp_path, west, anchor=EAST_MEMBER.twin)


def test_east_cannot_sign_for_west(tmp_path: Path) -> None:
    foreign = EAST_MEMBER.leaf(LEAF_KEY, API_WEST)
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        shake(tmp_path, (foreign, EAST_MEMBER.intermediate))
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        shake(tmp_path, (foreign,), anchor=EAST_MEMBER.twin)


@pytest.mark.parametrize(
    "uri", ["spiffe://mesh.test/controller", f"spiffe://sub.{EAST}/x", "spiffe://eest.mesh.test/x"]
)
def test_east_can_sign_only_for_exactly_its_trust_domain(tmp_path: Path, uri: str) -> None:
    foreign = EAST_MEMBER.leaf(LEAF_KEY, uri)
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        shake(tmp_path, (foreign, EAST_MEMBER.intermediate))


@pytest.mark.parametrize(
    ("draft", "name", "message"),
    [
        (Draft(dns=("mesh.test",)), "mesh.test", "permitted subtree violation"),
        (Draft(addresses=("192.0.2.1",)), "192.0.2.1", "excluded subtree violation"),
        (Draft(addresses=("2001:db8::1",)), "2001:db8::1", "excluded subtree violation"),
    ],
)
def test_east_cannot_serve_under_foreign_names(
    tmp_path: Path, draft: Draft, name: str, message: str
) -> None:
    server = (draft.signed(EAST_MEMBER.key, LEAF_KEY.public_key()), EAST_MEMBER.intermediate)
    with pytest.raises(ssl.SSLCertVerificationError, match=message):
        shake(tmp_path, SERVER, server=server, name=name)


def test_east_cannot_make_another_authority(tmp_path: Path) -> None:
    key = issue.new_key()
    below = Draft(
        subject="below", ca=True, uris=None, usage=("key_cert_sign",), purposes=None
    ).signed(EAST_MEMBER.key, key.public_key())
    leaf = Draft(uris=(API_WEST,), issuer="below").signed(key, LEAF_KEY.public_key())
    with pytest.raises(ssl.SSLCertVerificationError, match="path length constraint exceeded"):
        shake(tmp_path, (leaf, below, EAST_MEMBER.intermediate))


def test_without_constraints_openssl_would_let_east_be_west(tmp_path: Path) -> None:
    """Why there is a second lock, and that the handshakes above fail for the right reason.

    Nothing is raised.
    """
    free = profile.AuthorityProfile(EAST, f"spiffe://{EAST}", 0, "", profile.INTERMEDIATE_LIFE)
    key = EAST_MEMBER.key
    unconfined = issue.issue_intermediate(ROOT.cert, ROOT.key, key.public_key(), free, NOW)
    wanted = profile.leaf_profile(API_WEST)
    foreign = issue.issue_leaf(unconfined, key, LEAF_KEY.public_key(), wanted, NOW)
    shake(tmp_path, (foreign, unconfined))
