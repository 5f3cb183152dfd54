"""One of the proxy's certificates: kept for the next start, renewed when half of its life is over.

In: a workload token, the agent. Out: `Certified`, given to `show` whenever it is another one.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from federation.runtime.clock import utc_now, wall_seconds
from federation.runtime.logs import event
from federation.supervisor import keys
from federation.supervisor.settings import CertifiedSettings
from federation.trust.lives import seconds_until
from federation.wire.channel import connect

log = logging.getLogger(__name__)

_AGAIN_SECONDS = 0.5


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
        show: Callable[[str, keys.Certified], None],
    ) -> None:
        self._settings = settings
        self._wanted = wanted
        self._file = settings.state / f"{wanted.secret}.json"
        self._show = show
        self._certified: keys.Certified | None = None

    def load(self) -> None:
        """Take back the one of an earlier start."""
        self._take(keys.load_certified(self._file))

    async def renew(self) -> None:
        """Look at its age, have a new one made when it is due, and wait until the next look."""
        if self._certified is None or self._certified.is_due(utc_now()):
            trust = keys.read_trust(self._settings.trust_file)
            token = keys.read_token(self._wanted.token_file)
            async with connect(
                str(self._settings.agent), trust.identity, trust.agent_host, token
            ) as agent:
                self._take(await keys.certify(agent))
        await asyncio.sleep(self._seconds_until_renewal())

    def _seconds_until_renewal(self) -> float:
        if self._certified is None:
            return _AGAIN_SECONDS
        most = max(_AGAIN_SECONDS, self._settings.certificate_check_seconds)
        due = self._certified.due_at()
        return seconds_until(due, utc_now(), least=_AGAIN_SECONDS, most=most)

    def _take(self, certified: keys.Certified | None) -> None:
        if certified is None or not certified.is_valid(wall_seconds()):
            return
        if certified != keys.load_certified(self._file):
            keys.save_certified(self._file, certified)
            log.info(
                event(
                    "certificate renewed",
                    secret=self._wanted.secret,
                    not_after=certified.not_after,
                )
            )
        self._certified = certified
        self._show(self._wanted.secret, certified)
