"""Replaces the key of this cluster's authority when the operator asks for it.

`federation.trust.rotation` says which step is next; here it is done: prepare (write the new key
down), spread (the controller tells everybody its anchor), activate, retire. A cluster that is away
is waited for until a third of the old life is left.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from cryptography import x509

from cluster_agent.authority import key_files
from cluster_agent.authority.authority import Authority, whole_seconds
from cluster_agent.authority.key_files import Next
from federation.model.errors import FedmeshError
from federation.runtime.clock import utc_now
from federation.runtime.logs import event
from federation.runtime.loops import Loop
from federation.trust.issue import make_csr, make_twin, new_key
from federation.trust.pem import PrivateKey, key_pem, load_certificates, load_key, pem
from federation.trust.profile import twin_profile
from federation.trust.rotation import Keys, Step, activate_by, is_due, next_step, retire_at
from federation.trust.validate import check_intermediate, check_twin
from federation.wire import federation_pb2 as pb

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0

Ask = Callable[[pb.CertifyRequest], Awaitable[pb.Certificate]]


class Rekeying:
    """The steps of one authority; `wanted` is the key (SHA-256) that the operator wants replaced.

    `ask` puts a request for a certificate to the controller and raises FedmeshError.
    """

    def __init__(
        self, authority: Authority, folder: Path, wanted: Callable[[], str], ask: Ask
    ) -> None:
        self._authority = authority
        self._folder = folder
        self._wanted = wanted
        self._ask = ask
        self._waiting: tuple[str, ...] | None = None

        self.loop = Loop(
            "rekeying",
            lambda: self.turn(utc_now()),
            says="key is not replaced yet",
            rest=LOOK_SECONDS,
            explained=(FedmeshError,),
        )

    async def turn(self, now: datetime) -> Step:
        """One step; returns which it was. Raises OSError while there is no room for it."""
        if (begun := key_files.complete(self._folder)) is not None:
            await self._use(begun)
            return Step.ACTIVATE
        key_files.show_anchors(self._folder, self._authority.membership.trust_domain)
        coming = key_files.read_next(self._folder)
        step = next_step(self._keys(coming), now)
        match step:
            case Step.PREPARE:
                self._prepare(now)
            case Step.SPREAD if coming is not None:
                await self._spread(coming, now)
            case Step.ACTIVATE if coming is not None:
                await self._activate(coming, now)
            case Step.RETIRE:
                await self._retire()
            case _:
                pass
        return step

    def _keys(self, coming: Next | None) -> Keys:
        retiring = key_files.read_retiring(self._folder)
        return Keys(
            self._authority.key_sha256,
            self._wanted(),
            prepared=coming is not None,
            certified=coming is not None and bool(coming.intermediate),
            waiting=self._waiting is None or bool(self._waiting),
            activate_by=datetime.fromisoformat(coming.activate_by) if coming else None,
            retire_at=datetime.fromisoformat(retiring.until) if retiring else None,
        )

    def _prepare(self, now: datetime) -> None:
        key = new_key()
        domain = self._authority.membership.trust_domain
        twin = make_twin(key, twin_profile(domain), now)
        check_twin(twin, public_key=key.public_key(), trust_domain=domain, now=now)
        old = self._authority.intermediate
        latest = activate_by(old.not_valid_before_utc, old.not_valid_after_utc)
        coming = Next(key_pem(key).decode(), pem(twin).decode(), latest.isoformat())
        key_files.write_next(self._folder, coming)
        key_files.show_anchors(self._folder, domain)
        self._waiting = None
        log.info(event("new key prepared", activate_by=coming.activate_by))

    async def _spread(self, coming: Next, now: datetime) -> None:
        key = load_key(coming.key.encode())
        life = whole_seconds(self._authority.leaf_life)
        request = pb.CertifyRequest(
            csr=self._csr(key), twin=coming.twin.encode(), leaf_seconds=life
        )
        answer = await self._ask(request)
        made = _first(answer.chain.decode())
        domain, root = self._authority.membership.trust_domain, self._authority.root
        check_intermediate(made, root=root, trust_domain=domain, now=now)
        if not coming.intermediate or is_due(_first(coming.intermediate), now):
            key_files.write_next(self._folder, replace(coming, intermediate=pem(made).decode()))
        waiting = tuple(answer.waiting)
        if waiting != self._waiting:
            log.info(event("new key spreads", waiting=", ".join(waiting) or "for nobody"))
        self._waiting = waiting

    async def _activate(self, coming: Next, now: datetime) -> None:
        end = self._authority.intermediate.not_valid_after_utc
        key_files.activate(self._folder, coming, retire_at(now, self._authority.leaf_life, end))
        await self._use(coming)

    async def _use(self, coming: Next) -> None:
        """Sign with a key that is the current one on the disk."""
        self._authority.use_key(load_key(coming.key.encode()), _first(coming.intermediate))
        key_files.show_anchors(self._folder, self._authority.membership.trust_domain)
        waiting = ", ".join(self._waiting or ()) or "nobody"
        log.info(event("new key signs", without_waiting_for=waiting))
        self._waiting = None
        await self._show()

    async def _show(self) -> None:
        """Let the controller see the new key, so that the old one speaks no more from now on.

        One that is away sees it when this agent connects again.
        """
        try:
            await self._ask(pb.CertifyRequest(csr=self._authority.request()))
        except FedmeshError as error:
            log.info(event("controller sees the new key later", reason=error))

    async def _retire(self) -> None:
        await self._ask(pb.CertifyRequest(csr=self._authority.request(), alone=True))
        key_files.forget_retiring(self._folder)
        key_files.show_anchors(self._folder, self._authority.membership.trust_domain)
        log.info(event("old key is gone"))

    def _csr(self, key: PrivateKey) -> bytes:
        return pem(make_csr(key, self._authority.membership.trust_domain))


def _first(chain: str) -> x509.Certificate:
    return load_certificates(chain.encode())[0]
