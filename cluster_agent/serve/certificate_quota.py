"""How many certificates the holder of a token gets, and what the log says of it.

In: the subject of a token, the request, from where it came. Out: a certificate, or why not yet.
Between the token's check and the signature (`cluster_agent.authority.authority`), so that nobody
makes the agent sign, or fill its log, without end.
"""

import logging
import time
from collections.abc import Callable

from cluster_agent.authority.authority import Authority
from federation.model.errors import NotReady
from federation.runtime.clock import utc_now
from federation.runtime.limited_log import BURST, LINES_PER_SECOND
from federation.runtime.logs import event
from federation.runtime.rates import Buckets, Rate
from federation.wire import federation_pb2 as pb
from federation.wire.rpc.intake import source_of

log = logging.getLogger(__name__)

BURST_FROM_ONE = 50
BURST_OF_ALL = 500
PER_SECOND_FROM_ONE = 1.0
PER_SECOND_OF_ALL = 20.0
_FOR_SHORT_LIVES = 20.0
"""Where certificates live a minute, everybody asks every 30 s: so much more is allowed, shared by
their life."""
_MOST_REMEMBERED = 10_000


class CertificateQuota:
    """Signs for the holders of tokens, each identity so often: from one source, and in all."""

    def __init__(self, authority: Authority, clock: Callable[[], float] = time.monotonic) -> None:
        self._authority = authority
        self._clock = clock
        more = _FOR_SHORT_LIVES / authority.leaf_life.total_seconds()
        from_one = Rate(BURST_FROM_ONE, PER_SECOND_FROM_ONE + more)
        of_all = Rate(BURST_OF_ALL, PER_SECOND_OF_ALL * (1 + more))
        self._from_one = Buckets(from_one, _MOST_REMEMBERED)
        self._of_all = Buckets(of_all, _MOST_REMEMBERED)
        self._lines = Buckets(Rate(BURST, LINES_PER_SECOND), _MOST_REMEMBERED)
        self._left_out = 0

    def certify(self, subject: str, csr: bytes, address: str) -> pb.Certificate:
        """A certificate for the subject of a good token; `address` is gRPC's word for the caller.

        Raises NotReady when there were too many, InvalidInput for an unusable request.
        """
        now = self._clock()
        source = source_of(address)
        one, all_ = self._from_one.of((subject, source), now), self._of_all.of(subject, now)
        wait = max(one.wait(now), all_.wait(now))
        if wait > 0:
            raise NotReady(
                f"too many certificates for {subject} were asked for: ask again in {wait:.0f} s"
            )
        one.take(now)
        all_.take(now)
        certificate = self._authority.certify(subject, csr, utc_now())
        self._log(subject, address, now)
        return certificate

    def _log(self, subject: str, address: str, now: float) -> None:
        if not self._lines.of(subject, now).take(now):
            self._left_out += 1
            return
        before = {"left_out_before": self._left_out} if self._left_out else {}
        self._left_out = 0
        log.info(event("certified", subject=subject, peer=address, **before))
