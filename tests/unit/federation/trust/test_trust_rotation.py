"""federation.trust.rotation: when a certificate is renewed, how a key is replaced."""

from dataclasses import replace
from datetime import timedelta

import pytest

from federation.trust import issue, profile, rotation
from federation.trust.rotation import Keys, Step, activate_by, next_step, retire_at
from tests.unit.federation.trust.trust_certs import API, EAST_MEMBER, LEAF_KEY, NOW


def test_a_leaf_is_due_from_the_half_of_its_life_on() -> None:
    leaf = EAST_MEMBER.leaf(LEAF_KEY, API)
    half = NOW + timedelta(minutes=30)  # of the hour since it was made, not since 5 min before
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


OLD = Keys("old", replace="old")
READY = replace(OLD, prepared=True, certified=True, activate_by=NOW + timedelta(hours=1))


@pytest.mark.parametrize(
    ("keys", "step"),
    [
        pytest.param(Keys("old"), Step.REST, id="nobody asked"),
        pytest.param(OLD, Step.PREPARE, id="asked"),
        pytest.param(replace(OLD, current="new"), Step.REST, id="done before"),
        pytest.param(replace(OLD, prepared=True), Step.SPREAD, id="written down"),
        pytest.param(READY, Step.SPREAD, id="somebody does not know it"),
        pytest.param(replace(READY, waiting=False), Step.ACTIVATE, id="all know it"),
        pytest.param(replace(READY, activate_by=NOW), Step.ACTIVATE, id="waited long enough"),
        pytest.param(
            replace(READY, activate_by=NOW, certified=False), Step.SPREAD, id="not signed"
        ),
        pytest.param(
            replace(OLD, current="new", retire_at=NOW + timedelta(seconds=1)),
            Step.REST,
            id="leaves of the old key live",
        ),
        pytest.param(replace(OLD, current="new", retire_at=NOW), Step.RETIRE, id="all are over"),
        pytest.param(
            replace(OLD, retire_at=NOW + timedelta(hours=1)), Step.REST, id="one after the other"
        ),
    ],
)
def test_the_steps_of_a_new_key(keys: Keys, step: Step) -> None:
    assert next_step(keys, NOW) is step


def test_a_new_key_waits_until_a_third_of_the_old_life_is_left() -> None:
    start = NOW - timedelta(minutes=5)  # as it is set back when it is made now
    assert activate_by(start, NOW + timedelta(days=6)) == NOW + timedelta(days=4)


def test_an_old_anchor_stays_for_the_last_leaf_and_no_longer() -> None:
    hour = timedelta(hours=1)
    assert retire_at(NOW, hour, NOW + timedelta(days=1)) == NOW + hour
    assert retire_at(NOW, hour, NOW + timedelta(minutes=10)) == NOW + timedelta(minutes=10)
