"""When a certificate is renewed, and by which steps the key of an authority is replaced.

In: times, the state of the keys, and now. Out: a time, a yes, or the next step. The shells that
hold keys ask; they add no jitter of their own to the answer, since members join at different times
anyway.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from cryptography import x509

from federation.trust.lives import made_at, renew_at


def due_at(cert: x509.Certificate) -> datetime:
    """When the certificate should be renewed."""
    return renew_at(cert.not_valid_before_utc, cert.not_valid_after_utc)


def is_due(cert: x509.Certificate, now: datetime) -> bool:
    """Whether the certificate should be renewed now; still true after it has run out."""
    return now >= due_at(cert)


class Step(Enum):
    """What an authority does next about its keys."""

    REST = "rest"
    PREPARE = "prepare"
    SPREAD = "spread"
    ACTIVATE = "activate"
    RETIRE = "retire"


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one cluster's authority, by their SHA-256, and how far the next one is.

    `replace` is the key that the operator wants replaced. The next key is `prepared` when it is
    written down, `certified` when the root has signed it, and `waiting` while not all clusters know
    its anchor; by `activate_by` it is used all the same. After that the anchor of the key before
    stays until `retire_at`.
    """

    current: str
    replace: str = ""
    prepared: bool = False
    certified: bool = False
    waiting: bool = True
    activate_by: datetime | None = None
    retire_at: datetime | None = None


def next_step(keys: Keys, now: datetime) -> Step:
    """One step of a re-keying: prepare, spread, activate, retire; asked again after each."""
    if keys.prepared:
        is_late = keys.activate_by is not None and now >= keys.activate_by
        is_known = keys.certified and (not keys.waiting or is_late)
        return Step.ACTIVATE if is_known else Step.SPREAD
    if keys.retire_at is not None:
        return Step.RETIRE if now >= keys.retire_at else Step.REST
    return Step.PREPARE if keys.replace and keys.replace == keys.current else Step.REST


def activate_by(not_before: datetime, not_after: datetime) -> datetime:
    """Until when a new key waits for others: until a third of the old certificate's life is left.

    By then the old one must not run out for the sake of a cluster that is away.
    """
    return not_after - (not_after - made_at(not_before, not_after)) / 3


def retire_at(activated: datetime, leaf_life: timedelta, not_after: datetime) -> datetime:
    """When the last leaf that the old key signed has run out.

    `not_after` is the end of the old intermediate, which none of them outlives.
    """
    return min(activated + leaf_life, not_after)
