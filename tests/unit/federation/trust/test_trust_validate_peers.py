"""federation.trust.validate: peers, and that each of the two locks refuses alone."""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509

from federation.model.errors import Denied, InvalidInput
from federation.trust import issue, profile, validate
from federation.trust.pem import pem
from tests.unit.federation.trust.trust_certs import (
    ANCHORS,
    API,
    API_WEST,
    DOMAIN,
    EAST,
    EAST_MEMBER,
    LEAF_KEY,
    NOW,
    ROOT,
    WEST,
    WEST_MEMBER,
    Draft,
    make_member,
    make_root,
)

LEAF = EAST_MEMBER.leaf(LEAF_KEY, API, (profile.agent_host(EAST),))
CONTROLLER = issue.issue_controller(
    ROOT.cert,
    ROOT.key,
    LEAF_KEY.public_key(),
    profile.controller_profile(DOMAIN),
    NOW,
)
OTHER_ROOT = make_root()
STRANGER = make_member(OTHER_ROOT, "east")


def verify(*chain: x509.Certificate, anchors: validate.Anchors = ANCHORS) -> str:
    found, _ = validate.verify_peer_chain(pem(*chain), root=ROOT.cert, anchors=anchors, now=NOW)
    return str(found)


@pytest.mark.parametrize(
    "chain",
    [(LEAF,), (LEAF, EAST_MEMBER.intermediate), (LEAF, EAST_MEMBER.intermediate, ROOT.cert)],
)
def test_a_member_is_known_by_its_chain(chain: tuple[x509.Certificate, ...]) -> None:
    assert verify(*chain) == API


def test_any_of_several_anchors_of_the_own_trust_domain_will_do() -> None:
    both = {EAST: (STRANGER.twin, EAST_MEMBER.twin)}
    assert verify(LEAF, EAST_MEMBER.intermediate, anchors=both) == API
    _, anchor = validate.verify_peer_chain(pem(LEAF), root=ROOT.cert, anchors=both, now=NOW)
    assert anchor == EAST_MEMBER.twin, "which of them it was is told"


def test_a_leaf_of_west_signed_by_east_is_denied() -> None:
    foreign = EAST_MEMBER.leaf(LEAF_KEY, API_WEST)
    with pytest.raises(
        Denied, match=r"peer is refused: leaf .* is not signed by CN=west.mesh.test"
    ):
        verify(foreign, EAST_MEMBER.intermediate)


def test_the_second_lock_holds_when_east_is_not_confined() -> None:
    free = replace(profile.intermediate_profile(EAST), confined_to="")
    key = EAST_MEMBER.key
    unconfined = issue.issue_intermediate(ROOT.cert, ROOT.key, key.public_key(), free, NOW)
    wanted = profile.leaf_profile(API_WEST)
    foreign = issue.issue_leaf(unconfined, key, LEAF_KEY.public_key(), wanted, NOW)
    with pytest.raises(Denied, match=r"is not signed by CN=west.mesh.test"):
        verify(foreign, unconfined)
    named = Draft(uris=(API_WEST,), issuer=WEST).signed(key, LEAF_KEY.public_key())
    with pytest.raises(Denied, match=r"is not signed by CN=west.mesh.test"):
        verify(named)


def test_the_first_lock_holds_when_the_anchor_of_west_is_the_key_of_east() -> None:
    false_twin = issue.make_twin(EAST_MEMBER.key, profile.twin_profile(WEST), NOW)
    foreign = Draft(uris=(API_WEST,), issuer=WEST).signed(EAST_MEMBER.key, LEAF_KEY.public_key())
    with pytest.raises(Denied, match=r"must have the common name west.mesh.test"):
        verify(foreign, EAST_MEMBER.intermediate, anchors={WEST: (false_twin,)})


def test_an_anchor_filed_under_another_trust_domain_opens_nothing() -> None:
    foreign = EAST_MEMBER.leaf(LEAF_KEY, API_WEST)
    for anchor in (EAST_MEMBER.twin, ROOT.cert):
        with pytest.raises(Denied, match=r"must have the common name west.mesh.test"):
            verify(foreign, EAST_MEMBER.intermediate, anchors={WEST: (anchor,)})


def test_a_cluster_without_an_anchor_is_denied() -> None:
    for anchors in ({WEST: (WEST_MEMBER.twin,)}, {EAST: ()}):
        with pytest.raises(Denied, match=r"no anchor is known of trust domain east.mesh.test"):
            verify(LEAF, EAST_MEMBER.intermediate, anchors=anchors)


def test_the_intermediate_that_is_shown_must_be_right() -> None:
    for wrong in (WEST_MEMBER.intermediate, STRANGER.intermediate, EAST_MEMBER.twin, LEAF):
        with pytest.raises(Denied):
            verify(LEAF, wrong)
    rekeyed = make_member(ROOT, "east")
    with pytest.raises(Denied, match="intermediate of the peer is not its own"):
        verify(LEAF, rekeyed.intermediate)


@pytest.mark.parametrize(
    ("after", "message"),
    [
        (timedelta(minutes=-6), "peer certificate is not valid before"),
        (timedelta(minutes=61), "peer certificate has expired"),
    ],
)
def test_a_leaf_outside_its_time_is_denied(after: timedelta, message: str) -> None:
    with pytest.raises(Denied, match=message):
        validate.verify_peer_chain(pem(LEAF), root=ROOT.cert, anchors=ANCHORS, now=NOW + after)


def test_an_expired_intermediate_or_anchor_is_denied() -> None:
    long = replace(profile.leaf_profile(API), life=timedelta(days=5000))
    twin, key = EAST_MEMBER.twin, LEAF_KEY.public_key()
    leaf = Draft(end=NOW + long.life).signed(EAST_MEMBER.key, key)
    chain = pem(leaf, EAST_MEMBER.intermediate)
    for days, message in ((8, "intermediate certificate of .* has expired"), (4000, "anchor of")):
        with pytest.raises(Denied, match=message):
            validate.verify_peer_chain(
                chain, root=ROOT.cert, anchors={EAST: (twin,)}, now=NOW + timedelta(days=days)
            )


@pytest.mark.parametrize(
    "cert", [EAST_MEMBER.intermediate, EAST_MEMBER.twin, ROOT.cert, CONTROLLER]
)
def test_what_is_no_members_leaf_proves_no_member(cert: x509.Certificate) -> None:
    with pytest.raises(Denied):
        verify(cert, EAST_MEMBER.intermediate)


@pytest.mark.parametrize("draft", [Draft(dns=(f"agent.{WEST}",)), Draft(addresses=("10.0.0.1",))])
def test_a_leaf_with_a_name_outside_its_trust_domain_is_denied(draft: Draft) -> None:
    with pytest.raises(Denied, match="peer certificate has the name"):
        verify(draft.signed(EAST_MEMBER.key, LEAF_KEY.public_key()))


def test_a_leaf_below_a_leaf_is_denied() -> None:
    below = Draft(subject="", issuer="").signed(LEAF_KEY, LEAF_KEY.public_key())
    with pytest.raises(Denied):
        verify(below, LEAF, EAST_MEMBER.intermediate)


@pytest.mark.parametrize("chain", [b"", b"rubbish", b"x" * 100_000, pem(LEAF) * 4])
def test_rubbish_is_denied(chain: bytes) -> None:
    with pytest.raises(Denied, match="certificate chain"):
        validate.verify_peer_chain(chain, root=ROOT.cert, anchors=ANCHORS, now=NOW)


def test_no_cluster_can_be_the_controller() -> None:
    claimed = "spiffe://mesh.test/controller"
    draft = Draft(uris=(claimed,), dns=(DOMAIN,))
    by_east = draft.signed(EAST_MEMBER.key, LEAF_KEY.public_key())
    own_root = replace(draft, issuer="fedmesh root").signed(OTHER_ROOT.key, LEAF_KEY.public_key())
    for cert in (LEAF, by_east, own_root):
        with pytest.raises(InvalidInput, match="controller certificate"):
            validate.check_controller(cert, root=ROOT.cert, domain=DOMAIN, now=NOW)


def test_a_controller_under_a_root_that_is_none_is_refused() -> None:
    wanted = profile.controller_profile(DOMAIN)
    false_root = STRANGER.intermediate
    cert = issue.issue_leaf(false_root, STRANGER.key, LEAF_KEY.public_key(), wanted, NOW)
    with pytest.raises(InvalidInput, match="root certificate is not signed by"):
        validate.check_controller(cert, root=false_root, domain=DOMAIN, now=NOW)


def test_a_controller_is_refused_outside_its_time_and_without_its_name() -> None:
    with pytest.raises(InvalidInput, match="has expired"):
        validate.check_controller(
            CONTROLLER, root=ROOT.cert, domain=DOMAIN, now=NOW + timedelta(days=8)
        )
    nameless = replace(profile.controller_profile(DOMAIN), dns_names=("ctl.example",))
    key = LEAF_KEY.public_key()
    cert = issue.issue_controller(ROOT.cert, ROOT.key, key, nameless, NOW)
    with pytest.raises(InvalidInput, match=r"lacks the name mesh.test"):
        validate.check_controller(cert, root=ROOT.cert, domain=DOMAIN, now=NOW)
