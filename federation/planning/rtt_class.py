"""How far a cluster is, by the round-trip time that gateways measured.

In: round-trip times in seconds. Out: the same, rounded so that they rarely change: 0 for near, else
steps of 250 ms. What that means for time-outs is said in `federation.envoy.senders`.
"""

import math

FAR_FROM = 0.1
"""Connecting takes three round trips, near within 500 ms: the rest is left for a busy machine."""
NEAR_BELOW = 0.07
STEP = 0.25
LARGEST = 2.0

NEAR = 0.0
_SLACK = 0.05


def rounded(rtt: float, before: float | None = None) -> float:
    """The class of a measured round-trip time; stays `before` while the time is at its border."""
    if before == NEAR:
        return NEAR if rtt <= FAR_FROM else _step(rtt)
    if rtt < (FAR_FROM if before is None else NEAR_BELOW):
        return NEAR
    if before is not None and before - STEP - _SLACK < rtt <= before:
        return before
    return _step(rtt)


def unmeasured(*, same_region: bool) -> float:
    """What is assumed before anybody measured: too short a time-out would break connections."""
    return NEAR if same_region else STEP


def _step(rtt: float) -> float:
    return min(LARGEST, max(1, math.ceil(rtt / STEP)) * STEP)
