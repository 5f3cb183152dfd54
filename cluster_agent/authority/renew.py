"""Renewal of the intermediate authority: the same key, a later end.

In: the authority, `ask`, which puts a request to the controller over a connection of its own: one
that is open shows the certificate that it was made with, which may have run out. Out: the renewed
certificate, in use and on disk.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

from cluster_agent.authority.authority import Authority
from federation.model.errors import (
    FedmeshError,
)
from federation.model.timestamps import rfc3339
from federation.runtime.clock import utc_now
from federation.runtime.disk import Disk, File
from federation.runtime.logs import event
from federation.runtime.loops import Loop
from federation.trust.lives import seconds_until
from federation.trust.pem import (
    load_certificates,
    pem,
)
from federation.trust.rotation import due_at, is_due
from federation.trust.validate import check_intermediate
from federation.wire import federation_pb2 as pb

log = logging.getLogger(__name__)

LOOK_SECONDS = 60.0
"""How long at most until the clock is read, so that one that was set is noticed."""
RENEW_AGAIN_SECONDS = 30.0

Ask = Callable[[pb.CertifyRequest], Awaitable[pb.Certificate]]


class Renewal:
    """Has the intermediate renewed when it is due, for ever."""

    def __init__(self, authority: Authority, folder: Path, ask: Ask, disk: Disk) -> None:
        self._authority = authority
        self._folder = folder
        self._ask = ask
        self._disk = disk
        self.loop = Loop(
            "renewal",
            self._turn,
            says="intermediate is not renewed",
            longest_pause=RENEW_AGAIN_SECONDS,
            explained=(FedmeshError,),
        )

    async def _turn(self) -> None:
        due = due_at(self._authority.intermediate)
        await asyncio.sleep(seconds_until(due, utc_now(), least=0.0, most=LOOK_SECONDS))
        if is_due(self._authority.intermediate, utc_now()):
            await renew_intermediate(
                self._authority, self._folder, self._ask, utc_now(), self._disk
            )


async def renew_intermediate(
    authority: Authority,
    folder: Path,
    ask: Ask,
    now: datetime,
    disk: Disk,
) -> None:
    """Have the intermediate renewed (same key); `ask` puts the request to the controller."""
    key = authority.key_sha256
    answer = await ask(pb.CertifyRequest(csr=authority.request()))
    renewed = load_certificates(answer.chain)[0]
    domain = authority.membership.trust_domain
    check_intermediate(renewed, root=authority.root, trust_domain=domain, now=now)
    if authority.key_sha256 != key:
        return  # the key was replaced meanwhile
    authority.replace_intermediate(renewed)
    file = folder / "intermediate.pem"

    def current() -> tuple[File, ...]:  # the one that signs by then: the key may be another one
        return (File(file, pem(authority.intermediate), mode=0o644, durable=True),)

    disk.keep_made(file, current)
    log.info(event("intermediate renewed", ends=rfc3339(renewed.not_valid_after_utc)))
