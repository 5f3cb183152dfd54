"""Whether Envoy listens wherever it is to: what is missing is asked for again until it is there.

A port may be taken for a moment, or an address come a little later than the proxy. Envoy then
refuses the listener, and nothing would send that version again (`federation.xds.sender`). In: what
the relay has sent, Envoy's list of listeners. Out: what is missing and why, for readiness and for
the agent; the relay sends it once more.
"""

import asyncio
import logging
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import msgspec

from federation.model.errors import NotReady, PeerBroke
from federation.model.proxies import NO_LISTENER, Nack
from federation.model.types import LISTENER
from federation.runtime.logs import event
from federation.supervisor.kept_admin import KeptAdmin

log = logging.getLogger(__name__)

LISTENING = "/listeners?format=json"
LOOK_SECONDS = 1.0
PAUSE = 19
"""Looking takes at most a twentieth of a processor, however many listeners there are."""
AGAIN_SECONDS = 1.0
LONGEST_AGAIN_SECONDS = 5.0
UPSTREAM = "up~"
"""How the names of listeners begin that lead to one service: a sidecar's upstreams, and what a
gateway offers to clients without a sidecar."""
MOST_LINES = 20
"""Listeners named in the log at a time."""
_NOT_THERE = "envoy has taken it, but does not listen there"
_MACHINE = "cannot bind"
"""What Envoy says when the machine has refused, and not Envoy the listener."""


class _Named(msgspec.Struct):
    name: str = ""


class _Answer(msgspec.Struct):
    listener_statuses: list[_Named] = []


_DECODER = msgspec.json.Decoder(_Answer)


def read_listening(answer: bytes) -> frozenset[str]:
    """The names of the listeners that Envoy has; raises PeerBroke."""
    try:
        return frozenset(found.name for found in _DECODER.decode(answer).listener_statuses)
    except msgspec.MsgspecError as error:
        raise PeerBroke("envoy's answer to /listeners cannot be read") from error


class Sent(Protocol):
    """The relay, as this module needs it."""

    def names(self, type_url: str) -> Iterable[str]:
        """What Envoy is to have."""

    def answered(self, type_url: str) -> Mapping[str, str]:
        """What Envoy has answered, by name: why it was refused, or nothing."""

    def send_again(self, type_url: str, names: Iterable[str]) -> None:
        """Send these once more, refused or not."""


@dataclass(slots=True)
class _Again:
    at: float
    pause: float = AGAIN_SECONDS


class Listeners:
    """The listeners of one Envoy.

    A gateway counts as ready without those it has for single services: what any cluster exports
    must not take it away from all others.
    """

    def __init__(self, admin: KeptAdmin, relay: Sent, *, is_gateway: bool) -> None:
        self._admin = admin
        self._relay = relay
        self._is_gateway = is_gateway
        self._missing: dict[str, str] = {}
        self._absent: Collection[str] = frozenset()
        self._again: dict[str, _Again] = {}
        self._next = 0.0
        self._is_known = False

    def start_over(self) -> None:
        """There is another Envoy, or none."""
        self._missing, self._again, self._absent = {}, {}, frozenset()
        self._is_known, self._next = False, 0.0

    def are_there(self) -> bool:
        """Whether this proxy listens where it is to."""
        return self._is_known and not any(map(self._counts, self._missing))

    def _counts(self, name: str) -> bool:
        return not (self._is_gateway and name.startswith(UPSTREAM))

    def problems(self) -> Iterator[Nack]:
        """What is missing, those first without which the proxy is not ready."""
        for name, why in sorted(self._missing.items(), key=lambda m: (not self._counts(m[0]), m)):
            yield Nack(NO_LISTENER, name.removeprefix(UPSTREAM), why)

    def others(self, refusals: Iterable[Nack]) -> Iterator[Nack]:
        """The refusals that are of something else."""
        return (r for r in refusals if r.type_url != LISTENER or r.name not in self._missing)

    async def look(self) -> None:
        """See what is missing, and ask for it; not more often than is cheap."""
        now = asyncio.get_running_loop().time()
        if self._is_known and now < self._next:
            return
        before = time.process_time()
        try:
            listening = read_listening(await self._admin.ask(LISTENING))
        except (NotReady, PeerBroke) as error:
            log.debug(event("listeners not known", reason=error))
            return
        self.take(listening, now)
        self._next = now + max(LOOK_SECONDS, PAUSE * (time.process_time() - before))

    def take(self, listening: frozenset[str], now: float) -> None:
        """Compare what is there with what was sent; `now` is loop time.

        What Envoy has taken a moment ago may be warming: it is missing when it is not there at the
        second look. What is asked for again is missing until it is there.
        """
        answered = self._relay.answered(LISTENER)
        absent = {name for name in self._relay.names(LISTENER) if name not in listening}
        missing = {
            name: answered.get(name) or self._missing.get(name) or _NOT_THERE
            for name in sorted(absent)
            if answered.get(name)
            or name in self._missing
            or (name in answered and name in self._absent)
        }
        self._say(missing)
        self._missing, self._absent, self._is_known = missing, absent, True
        self._ask_again(answered, now)

    def _say(self, missing: Mapping[str, str]) -> None:
        for name in sorted(missing.keys() - self._missing.keys())[:MOST_LINES]:
            log.warning(event("listener missing", listener=name, reason=missing[name]))
        for name in sorted(self._missing.keys() - missing.keys())[:MOST_LINES]:
            log.info(event("listener missing no more", listener=name))

    def _ask_again(self, answered: Mapping[str, str], now: float) -> None:
        """What the machine has refused is tried again, with growing pauses.

        Also where an earlier version of it is there, at another address.
        """
        tried = {
            name
            for name, why in answered.items()
            if _MACHINE in why or (not why and name in self._missing)
        }
        kept = tried | self._missing.keys()
        self._again = {name: again for name, again in self._again.items() if name in kept}
        due = [name for name in sorted(tried) if self._is_due(name, now)]
        if due:
            self._relay.send_again(LISTENER, due)

    def _is_due(self, name: str, now: float) -> bool:
        """Whether to ask for it now; the next time is then noted."""
        again = self._again.setdefault(name, _Again(now + AGAIN_SECONDS))
        if now < again.at:
            return False
        again.pause = min(2 * again.pause, LONGEST_AGAIN_SECONDS)
        again.at = now + again.pause
        return True
