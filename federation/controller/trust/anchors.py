"""Which keys of a cluster are believed, which of them speaks for it, and until when: pure.

In: a member, a new anchor or a proof, and times. Out: the member with other anchors. The newest
anchor comes first. An older one has an end from the moment when another key speaks for the cluster:
until then what it signed is believed, but its holder is told nothing, renews nothing and puts no
other key. While a key is being replaced, the one before has no end yet: both speak.
"""

from dataclasses import replace

from cryptography import x509

from federation.controller.member import Member, anchor_keys
from federation.trust.pem import certificate_key, key_sha256, pem

OLD_ANCHORS = 3
"""How many earlier anchors stay at most; the oldest goes first."""

LONGEST_LEAF_SECONDS = 86_400
"""What agents may say at most of the life of their leaves; `leaf_seconds` has the same limit."""


def ends(member: Member) -> tuple[int, ...]:
    """The end of each anchor in seconds since 1970, 0 for one that has none."""
    return (member.ends + (0,) * len(member.anchors))[: len(member.anchors)]


def speaking_keys(member: Member) -> tuple[str, ...]:
    """The digests of the keys whose holder speaks for the cluster, the newest first."""
    known = zip(anchor_keys(member), ends(member), strict=True)
    return tuple(key for key, end in known if not end)


def has_lost_its_word(before: Member, after: Member) -> bool:
    """Whether an anchor stands no more for somebody who speaks for the cluster."""
    return not _without_end(before) <= _without_end(after)


def _without_end(member: Member) -> set[str]:
    known = zip(member.anchors, ends(member), strict=True)
    return {anchor for anchor, end in known if not end}


def joined(member: Member, anchor: x509.Certificate, leaf_seconds: int, now: float) -> Member:
    """The member after its cluster joined with the key of this anchor.

    A key that speaks already stays where it is: an answer was lost, or its anchor was made anew.
    """
    digest = key_sha256(certificate_key(anchor))
    told = replace(member, leaf_seconds=leaf_seconds)
    if digest in speaking_keys(member):
        known = zip(member.anchors, anchor_keys(member), strict=True)
        shown = pem(anchor).decode()
        return replace(told, anchors=tuple(shown if key == digest else a for a, key in known))
    return _ended(_before(replace(told, revoked=False, replace_key=""), anchor, digest), now)


def coming(member: Member, anchor: x509.Certificate, leaf_seconds: int) -> Member:
    """The member with the anchor of its next key, which is not used yet."""
    digest = key_sha256(certificate_key(anchor))
    return _before(replace(member, leaf_seconds=leaf_seconds), anchor, digest)


def superseded(member: Member, now: float) -> Member:
    """The member after its newest key has spoken: those before it do so no more, and have an end.

    That lies as far ahead as the leaves live which its agent signs; what was signed with an older
    key to live longer ends with that key's anchor.
    """
    return _ended(member, now)


def still_good(member: Member, now: float) -> Member:
    """The member without the anchors whose end has come."""
    kept = [
        (anchor, end)
        for anchor, end in zip(member.anchors, ends(member), strict=True)
        if not end or now < end
    ]
    if len(kept) == len(member.anchors):
        return member
    return replace(
        member, anchors=tuple(anchor for anchor, _ in kept), ends=tuple(end for _, end in kept)
    )


def _before(member: Member, anchor: x509.Certificate, digest: str) -> Member:
    """The anchor in front of the others; an older one of the same key goes."""
    known = zip(anchor_keys(member), member.anchors, ends(member), strict=True)
    others = [(text, end) for key, text, end in known if key != digest][:OLD_ANCHORS]
    return replace(
        member,
        anchors=(pem(anchor).decode(), *(text for text, _ in others)),
        ends=(0, *(end for _, end in others)),
    )


def _ended(member: Member, now: float) -> Member:
    until = int(now) + member.leaf_seconds
    first, *others = ends(member)
    return replace(member, ends=(first, *(end or until for end in others)))
