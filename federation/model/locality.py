"""Where something is, and how far two places are apart."""

from enum import IntEnum
from typing import NamedTuple


class Locality(NamedTuple):
    """Region and zone; both may be empty when nobody said."""

    region: str
    zone: str


class Distance(IntEnum):
    """How far two localities are apart; smaller is nearer."""

    SAME_ZONE = 0
    SAME_REGION = 1
    OTHER_REGION = 2


def distance(here: Locality, there: Locality) -> Distance:
    """The distance class of two localities; an empty name equals nothing, not even itself."""
    if not here.region or here.region != there.region:
        return Distance.OTHER_REGION
    if here.zone and here.zone == there.zone:
        return Distance.SAME_ZONE
    return Distance.SAME_REGION
