"""What Envoy neither took nor refused in time, and why, as far as Envoy tells.

A cluster that Envoy refuses late, when it has its endpoints, stays warming for ever: there is no
refusal, and no acknowledgement of anything later (envoy-notes 8 and 9). Envoy's admin interface
names those that are warming. In: what the relay has waited for too long. Out: refusals for it.
"""

import logging
from collections.abc import Collection
from pathlib import Path
from typing import Protocol

import msgspec

from federation.model.errors import NotReady, PeerBroke
from federation.model.proxies import Nack
from federation.model.types import CLUSTER
from federation.runtime.logs import event
from federation.runtime.loops import Loop
from federation.supervisor.admin import ask
from federation.xds.in_flight import ACK_DEADLINE_SECONDS

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
MOST_NAMED = 10
WARMING = "/config_dump?resource=dynamic_warming_clusters&mask=cluster.name"
REJECTED = "cluster_manager.cds.update_rejected"

Overdue = Collection[tuple[str, str]]
"""Type and name of what was sent and not answered in time."""


class _Named(msgspec.Struct):
    name: str = ""


class _Config(msgspec.Struct):
    cluster: _Named = msgspec.field(default_factory=_Named)


class _Dump(msgspec.Struct):
    configs: list[_Config] = []


class _Stat(msgspec.Struct):
    name: str = ""
    value: int = 0


class _Stats(msgspec.Struct):
    stats: list[_Stat] = []


_DUMP = msgspec.json.Decoder(_Dump)
_STATS = msgspec.json.Decoder(_Stats)


def read_warming(answer: bytes) -> frozenset[str]:
    """The clusters that are warming; raises PeerBroke."""
    try:
        return frozenset(config.cluster.name for config in _DUMP.decode(answer).configs)
    except msgspec.MsgspecError as error:
        raise PeerBroke("envoy's answer to /config_dump cannot be read") from error


def read_rejected(answer: bytes) -> int:
    """How many updates of clusters Envoy says that it has rejected; raises PeerBroke."""
    try:
        stats = _STATS.decode(answer).stats
    except msgspec.MsgspecError as error:
        raise PeerBroke("envoy's answer to /stats cannot be read") from error
    return sum(stat.value for stat in stats if stat.name == REJECTED)


def late_refusals(overdue: Overdue, warming: frozenset[str], rejected: int) -> tuple[Nack, ...]:
    """Refusals for what is overdue: the clusters that are warming where there are any."""
    guilty = [(t, name) for t, name in overdue if t == CLUSTER and name in warming]
    since = f"not acknowledged for more than {ACK_DEADLINE_SECONDS:.0f} s"
    reason = since
    if guilty:
        reason = f"{since}, it is still warming in envoy ({REJECTED}: {rejected})"
    return tuple(Nack(t, name, reason) for t, name in sorted(guilty or overdue)[:MOST_NAMED])


class Waiting(Protocol):
    """The relay, as this module needs it."""

    def overdue(self) -> Overdue:
        """What Envoy has not answered in time."""

    def set_late(self, refusals: tuple[Nack, ...]) -> None:
        """Say what counts as refused because of that."""


async def look(admin: Path, relay: Waiting) -> None:
    """One look: Envoy is asked only when something is overdue."""
    overdue = relay.overdue()
    if not overdue:
        relay.set_late(())
        return
    try:
        warming = read_warming(await ask(admin, WARMING))
        rejected = read_rejected(await ask(admin, f"/stats?format=json&filter=^{REJECTED}$"))
    except (NotReady, PeerBroke) as error:
        log.debug(event("lateness not explained", reason=error))
        return
    relay.set_late(late_refusals(overdue, warming, rejected))


def looking(admin: Path, relay: Waiting) -> Loop:
    """Look for ever."""
    return Loop("late", lambda: look(admin, relay), rest=LOOK_SECONDS)
