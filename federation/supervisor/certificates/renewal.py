"""One of the proxy's certificates: kept for the next start, renewed when half of its life is over.

It is renewed at once when the cluster's authority has another key than the one that signed it, as
trust.pem tells: nobody may believe it then. In: a workload token, the agent, trust.pem. Out:
`Certified`, given to `show` whenever it is another one.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from federation.model.errors import FedmeshError, PeerBroke
from federation.model.timestamps import rfc3339
from federation.runtime.clock import utc_now, wall_seconds
from federation.runtime.disk import Disk
from federation.runtime.logs import event
from federation.runtime.loops import Loop
from federation.supervisor.certificates import agent_trust
from federation.supervisor.settings import CertifiedSettings
from federation.trust.lives import seconds_until
from federation.trust.spki import is_signed_by_another
from federation.trust.workload_tokens import workload_token_end
from federation.wire.rpc.channel import connect

log = logging.getLogger(__name__)

_AGAIN_SECONDS = 0.5
TOLD_SECONDS = 5.0
"""What fails for less is no news for people, such as what waits for the agent's first start."""
LATE_SHARE = 5
"""A certificate that is not renewed when this part of the time left has passed is late: that is
said even if nothing says why."""
_TOKEN_ENDS_SOON_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class Wanted:
    """A certificate a proxy needs: the secret it becomes, the token it is had for."""

    secret: str
    token_file: Path


class Certificate:
    """A key and its chain, always a valid one."""

    def __init__(
        self,
        settings: CertifiedSettings,
        wanted: Wanted,
        show: Callable[[str, agent_trust.Certified], None],
        disk: Disk,
    ) -> None:
        self._settings = settings
        self._wanted = wanted
        self._file = settings.state / f"{wanted.secret}.json"
        self._show = show
        self._disk = disk
        self._certified: agent_trust.Certified | None = None
        self._trust = b""
        self._is_foreign = False
        self.loop = Loop(
            f"certificate {wanted.secret}",
            self.renew,
            says="certificate is not renewed",
            explained=(FedmeshError,),
        )

    def load(self) -> None:
        """Take back the one of an earlier start."""
        kept = agent_trust.load_certified(self._file)
        if kept is not None and kept.is_valid(wall_seconds()):
            self._certified = kept
            self._show(self._wanted.secret, kept)

    def is_valid(self, now: float) -> bool:
        """Whether others believe it; `now` in seconds since 1970."""
        return self._certified is not None and self._certified.is_valid(now)

    @property
    def ends(self) -> int:
        """When its life is over, in seconds since 1970; 0 while there is none."""
        return self._certified.not_after if self._certified is not None else 0

    def problem(self, now: datetime) -> str:
        """What is wrong with it, as a sentence; empty when nothing is.

        One that is not renewed in time has half of its life left: that is when a person can act.
        """
        certified, why = self._certified, self.loop.lasting(TOLD_SECONDS)
        if certified is None:
            return f"there is none yet: {why}" if why else ""
        ends = certified.ends_at()
        at = rfc3339(ends)
        because = f": {why}" if why else ""
        if now >= ends:
            return f"it ended at {at} and is not renewed, so other proxies refuse this one{because}"
        late = certified.due_at() + (ends - certified.due_at()) / LATE_SHARE
        if self._is_foreign and why:
            return (
                f"it was signed with a key that the cluster has no more, but not renewed{because}"
            )
        if why or now >= late:
            return f"it ends at {at} and is not renewed{because}"
        return ""

    async def renew(self) -> None:
        """Look at it, have a new one made when it is due, and wait until the next look."""
        if self._is_wanted():
            trust = agent_trust.read_trust(self._settings.trust_file)
            token = agent_trust.read_token(self._wanted.token_file)
            async with connect(
                str(self._settings.agent), trust.identity, trust.agent_host, token
            ) as agent:
                self._take(await agent_trust.certify(agent))
            self._trust, self._is_foreign = trust.anchor, False
            self.loop.works()
            self._say_when_it_ends(token)
        await asyncio.sleep(self._seconds_until_renewal())

    def _is_wanted(self) -> bool:
        """Whether another one is to be had: there is none, it is old, or its signer is gone.

        Each text of trust.pem is judged once, and the one with which it was had is not: so what
        cannot be told never leads to certificates without end.
        """
        if self._certified is None or self._certified.is_due(utc_now()):
            return True
        trust = self._anchors()
        if trust and trust != self._trust:
            was_foreign, self._trust = self._is_foreign, trust
            self._is_foreign = is_signed_by_another(self._certified.chain.encode(), trust)
            if self._is_foreign and not was_foreign:
                log.warning(event("authority has another key", secret=self._wanted.secret))
        return self._is_foreign

    def _anchors(self) -> bytes:
        """The anchors in trust.pem; nothing while it cannot be read."""
        with contextlib.suppress(FedmeshError, OSError):
            return agent_trust.read_trust(self._settings.trust_file).anchor
        return b""

    def _say_when_it_ends(self, token: str) -> None:
        """A token that ends soon is said at every renewal: without another one they end with it."""
        end = workload_token_end(token)
        if end is not None and end - wall_seconds() < _TOKEN_ENDS_SOON_SECONDS:
            file, hours = self._wanted.token_file, (end - wall_seconds()) / 3600
            log.warning(event("token ends soon", file=file, hours_left=f"{hours:.1f}"))

    def _seconds_until_renewal(self) -> float:
        if self._certified is None:
            return _AGAIN_SECONDS
        most = max(_AGAIN_SECONDS, self._settings.certificate_check_seconds)
        due = self._certified.due_at()
        return seconds_until(due, utc_now(), least=_AGAIN_SECONDS, most=most)

    def _take(self, certified: agent_trust.Certified) -> None:
        """Use it whether it can be kept for the next start or not."""
        if not certified.is_valid(wall_seconds()):
            raise PeerBroke(
                f"the agent gave a certificate that ended at {rfc3339(certified.ends_at())}: "
                "are the clocks right?"
            )
        said = event(
            "certificate renewed", secret=self._wanted.secret, ends=rfc3339(certified.not_after)
        )
        log.info(said)
        self._certified = certified
        self._disk.keep(agent_trust.file_of(self._file, certified))
        self._show(self._wanted.secret, certified)
