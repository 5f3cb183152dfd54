"""Whom this proxy's Envoy did not let in, as its counters tell.

In: answers of the admin interface. Out: for each reason by how much its count grew, for the log.
What TLS had against a single certificate is in Envoy's own log, a line each.
"""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

import msgspec

from federation.model.errors import NotReady, PeerBroke
from federation.runtime.logs import event
from federation.runtime.loops import Loop
from federation.supervisor.admin import ask
from federation.supervisor.envoy import bound_log

log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
LOG_BYTES = 32 << 20
"""Envoy's log may grow to so much; then it becomes envoy.log.1 and begins anew."""

# The end of a listener's counter, and what it means.
REASONS: Mapping[str, str] = MappingProxyType(
    {
        "ssl.fail_verify_no_cert": "no_certificate",
        "ssl.fail_verify_error": "certificate_invalid",
        "ssl.fail_verify_san": "other_name",
        "ssl.connection_error": "no_tls",
        "no_filter_chain_match": "unknown_server_name",
        "downstream_pre_cx_timeout": "no_server_name_in_time",
        "downstream_cx_transport_socket_connect_timeout": "handshake_too_slow",
        "downstream_global_cx_overflow": "too_many_connections",
        "downstream_cx_overload_reject": "too_little_memory",
    }
)

_FILTER = r"^listener\..*\.({})$".format("|".join(end.replace(".", r"\.") for end in REASONS))
PATH = f"/stats?format=json&usedonly&filter={quote(_FILTER)}"


class _Stat(msgspec.Struct):
    name: str = ""
    value: int = 0


class _Answer(msgspec.Struct):
    stats: list[_Stat] = []


_DECODER = msgspec.json.Decoder(_Answer)


def read_counts(answer: bytes) -> dict[str, int]:
    """How many connections were refused for each reason, all listeners together."""
    try:
        stats = _DECODER.decode(answer).stats
    except msgspec.MsgspecError as error:
        raise PeerBroke("envoy's answer to /stats cannot be read") from error
    found: dict[str, int] = {}
    for stat in stats:
        for end, reason in REASONS.items():
            if stat.value and stat.name.endswith(f".{end}"):
                found[reason] = found.get(reason, 0) + stat.value
    return found


class Growth:
    """What was added between two looks. A count that fell is that of another Envoy."""

    def __init__(self) -> None:
        self._before: Mapping[str, int] = {}

    def look(self, counts: Mapping[str, int]) -> dict[str, int]:
        """Take the counts of now; returns those that grew, by how much, sorted by reason."""
        before, self._before = self._before, counts
        grown = {}
        for reason, count in sorted(counts.items()):
            known = before.get(reason, 0)
            more = count - known if count >= known else count
            if more:
                grown[reason] = more
        return grown


def watching(admin: Path, envoy_log: Path, every: float = LOOK_SECONDS) -> Loop:
    """Say for ever, in one line every few seconds at most, what was refused and why."""
    growth = Growth()

    async def turn() -> None:
        await asyncio.sleep(every)
        try:
            grown = growth.look(read_counts(await ask(admin, PATH)))
        except (NotReady, PeerBroke) as error:
            log.debug(event("refusals not known", reason=error))
            return
        if grown:
            log.warning(event("connections refused", **grown))
        await asyncio.to_thread(bound_log, envoy_log, LOG_BYTES)

    return Loop("refusals", turn)
