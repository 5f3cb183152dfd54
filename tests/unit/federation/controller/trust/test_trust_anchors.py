"""Which keys are believed, which speak, and until when: values in, values out."""

from dataclasses import replace
from datetime import UTC, datetime

from cryptography import x509

from federation.controller.member import Member, anchor_keys
from federation.controller.trust.anchors import (
    OLD_ANCHORS,
    coming,
    ends,
    has_lost_its_word,
    joined,
    speaking_keys,
    still_good,
    superseded,
)
from federation.model.names import ClusterId
from federation.trust.issue import make_twin, new_key
from federation.trust.pem import PrivateKey, key_sha256
from federation.trust.profile import twin_profile

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SECONDS = NOW.timestamp()
HOUR = 3_600
NEW = Member(ClusterId("east"), "east.mesh.test", "eu")


def twin(key: PrivateKey) -> x509.Certificate:
    return make_twin(key, twin_profile(NEW.trust_domain), NOW)


def digest(key: PrivateKey) -> str:
    return key_sha256(key.public_key())


def test_the_key_that_joins_speaks_and_the_one_before_ends_with_its_leaves() -> None:
    first, second = new_key(), new_key()
    before = joined(NEW, twin(first), HOUR, SECONDS)
    assert (ends(before), speaking_keys(before)) == ((0,), (digest(first),))
    after = joined(before, twin(second), 60, SECONDS)
    assert anchor_keys(after) == (digest(second), digest(first))
    assert ends(after) == (0, int(SECONDS) + 60), "by the life that the newcomer names"
    assert speaking_keys(after) == (digest(second),)
    assert has_lost_its_word(before, after)
    assert still_good(after, SECONDS + 59) == after
    assert anchor_keys(still_good(after, SECONDS + 60)) == (digest(second),)


def test_an_end_does_not_move_whoever_joins_afterwards() -> None:
    keys = [new_key() for _ in range(OLD_ANCHORS + 2)]
    member = NEW
    for number, key in enumerate(keys):
        member = joined(member, twin(key), HOUR, SECONDS + number)
    kept = keys[::-1][: OLD_ANCHORS + 1]
    assert anchor_keys(member) == tuple(map(digest, kept)), "the oldest goes first"
    last = int(SECONDS) + HOUR + len(keys) - 1
    assert ends(member) == (0, last, last - 1, last - 2)


def test_a_key_that_speaks_joins_again_without_consequences() -> None:
    key = new_key()
    before = joined(NEW, twin(key), HOUR, SECONDS)
    assert joined(before, twin(key), HOUR, SECONDS + 9).ends == before.ends
    anew = make_twin(key, twin_profile(NEW.trust_domain), NOW.replace(year=2027))
    after = joined(before, anew, HOUR, SECONDS + 9)
    assert after.anchors != before.anchors, "its anchor may be made anew"
    assert (anchor_keys(after), ends(after)) == (anchor_keys(before), ends(before))


def test_while_a_key_is_replaced_both_speak_until_the_new_one_does() -> None:
    old, new = new_key(), new_key()
    before = joined(NEW, twin(old), HOUR, SECONDS)
    both = coming(before, twin(new), 120)
    assert speaking_keys(both) == (digest(new), digest(old))
    assert not has_lost_its_word(before, both)
    after = superseded(both, SECONDS)
    assert (speaking_keys(after), ends(after)) == ((digest(new),), (0, int(SECONDS) + 120))
    assert has_lost_its_word(both, after)
    assert superseded(after, SECONDS + 60) == after, "said again, nothing is put off"


def test_a_key_that_ended_may_come_back_by_joining_and_has_one_anchor() -> None:
    first, second = new_key(), new_key()
    member = joined(NEW, twin(first), HOUR, SECONDS)
    member = joined(member, twin(second), HOUR, SECONDS)
    back = joined(member, twin(first), HOUR, SECONDS)
    assert anchor_keys(back) == (digest(first), digest(second))
    assert speaking_keys(back) == (digest(first),)


def test_a_member_that_joined_anew_after_a_revocation_is_believed_again() -> None:
    revoked = replace(NEW, revoked=True, replace_key="x")
    after = joined(revoked, twin(new_key()), HOUR, SECONDS)
    assert (after.revoked, after.replace_key) == (False, "")
