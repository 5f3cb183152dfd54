"""federation.trust.rotation: when a certificate is renewed."""

from datetime import timedelta

from federation.trust import issue, profile, rotation
from tests.unit.federation.trust.trust_certs import API, EAST_MEMBER, LEAF_KEY, NOW


def test_half_of_the_life() -> None:
    assert rotation.renew_at(NOW, NOW + timedelta(hours=1)) == NOW + timedelta(minutes=30)


def test_a_leaf_is_due_from_the_half_of_its_life_on() -> None:
    leaf = EAST_MEMBER.leaf(LEAF_KEY, API)
    half = NOW + timedelta(minutes=27.5)  # valid from 5 min before to 60 min after now
    assert not rotation.is_due(leaf, NOW)
    assert not rotation.is_due(leaf, half - timedelta(seconds=1))
    assert rotation.is_due(leaf, half)
    assert rotation.is_due(leaf, NOW + timedelta(days=1))


def test_the_briefest_leaf_is_not_due_at_once() -> None:
    brief = profile.leaf_profile(API, life=timedelta(seconds=8))
    member = EAST_MEMBER
    leaf = issue.issue_leaf(member.intermediate, member.key, LEAF_KEY.public_key(), brief, NOW)
    assert not rotation.is_due(leaf, NOW)
    assert rotation.is_due(leaf, NOW + timedelta(seconds=4))
