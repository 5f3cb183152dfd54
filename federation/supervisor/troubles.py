"""What is wrong with one proxy, for people: all that its supervisor knows, in one place.

In: certificates, loops, listeners, tokens, what Envoy does not take. Out: refusals as they stand in
`Proxy.refused`, bounded, what the proxy cannot do first.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from federation.model.proxies import TROUBLE, Nack
from federation.runtime.loops import Loop
from federation.supervisor.certificates.renewal import TOLD_SECONDS, Certificate
from federation.supervisor.certificates.tokens import TokenEnds
from federation.supervisor.listeners import Listeners
from federation.wire.codec.proxies import MAX_REFUSALS


@dataclass(frozen=True, slots=True)
class Troubles:
    """Those who know."""

    certificates: tuple[Certificate, ...]
    listeners: Listeners
    tokens: TokenEnds

    def found(
        self,
        entry: Iterable[Nack],
        loops: Iterable[Loop],
        envoy: Iterable[Nack],
        now: datetime,
    ) -> tuple[Nack, ...]:
        """All of it; `entry` is why none is offered, `envoy` what Envoy does not take."""
        found = (
            *entry,
            *self._own(loops, now),
            *self.listeners.problems(),
            *self.tokens.problems(now.timestamp()),
            *self.listeners.others(envoy),
        )
        return found[:MAX_REFUSALS]

    def _own(self, loops: Iterable[Loop], now: datetime) -> Iterator[Nack]:
        for certificate in self.certificates:
            if problem := certificate.problem(now):
                yield Nack(TROUBLE, certificate.loop.name, problem)
        for loop in loops:
            if trouble := loop.lasting(TOLD_SECONDS):
                yield Nack(TROUBLE, loop.name, trouble)
