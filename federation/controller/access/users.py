"""Users' tokens and certificates: made, listed, revoked, and found by what is shown.

In: the store, the root, and what the kind User says. Out: secrets, once; and in memory, fed through
the one door for intent (`effect`), who has which credential.
"""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from federation.apiserver.caller import ADMIN
from federation.controller.access.credentials import (
    CREDENTIALS,
    CertificateRecord,
    Credentials,
    TokenRecord,
)
from federation.controller.intent.apply_intent import Effect
from federation.controller.intent.documents import Documents, at_once
from federation.controller.store.store import IntentStore
from federation.controller.trust.authority import Authority
from federation.model.errors import Conflict, InvalidInput, NotReady
from federation.trust.join_tokens import secret_hash
from federation.trust.pem import certificate_sha256, csr_key, pem, read_csr
from federation.trust.profile import LONGEST_USER_LIFE, USER_LIFE
from federation.trust.user_tokens import UserToken, format_user_token

DAY = 86_400
USUAL_SECONDS = int(USER_LIFE.total_seconds())
LONGEST_SECONDS = int(LONGEST_USER_LIFE.total_seconds())
SHORTEST_SECONDS = 60
MOST_USERS = 1_000
"""Users who have credentials."""
MOST_OF_A_USER = 20
"""Tokens of one user, and certificates; those that have expired go first."""
_ID = 16


@dataclass(frozen=True, slots=True)
class KnownUser:
    """What the kind User says of a user; `uid` tells him from an earlier one of the same name."""

    groups: tuple[str, ...] = ()
    disabled: bool = False
    uid: str = ""


UserSpecs = Callable[[str], KnownUser | None]
"""What is stated of a user by name, None where there is none; from memory."""


class Users:
    """The credentials of all users. `specs` says who is a user."""

    def __init__(
        self,
        store: IntentStore,
        authority: Authority,
        specs: UserSpecs,
        in_effect: Callable[[int], Awaitable[None]] = at_once,
    ) -> None:
        self._documents = Documents(store, CREDENTIALS, in_effect)
        self._authority = authority
        self.specs = specs
        self._all: dict[str, Credentials] = {}
        self._tokens: dict[str, tuple[str, TokenRecord]] = {}
        self._certificates: dict[str, tuple[str, CertificateRecord]] = {}
        self.on_change: Callable[[str], None] = lambda _: None
        """Called with the name of a user whose credentials are others now."""
        self.effect = Effect(CREDENTIALS, self._load, self._put, self._remove)

    async def _load(self, found: tuple[Credentials, ...]) -> None:
        for credentials in found:
            self._put(credentials)

    def _put(self, credentials: Credentials) -> None:
        self._forget(credentials.user)
        self._all[credentials.user] = credentials
        user = credentials.user
        self._tokens.update({t.id: (user, t) for t in credentials.tokens})
        self._certificates.update({c.sha256: (user, c) for c in credentials.certificates})
        self.on_change(user)

    def _remove(self, name: str) -> None:
        self._forget(name)
        self.on_change(name)

    def _forget(self, name: str) -> None:
        before = self._all.pop(name, None)
        if before is not None:
            for token in before.tokens:
                self._tokens.pop(token.id, None)
            for certificate in before.certificates:
                self._certificates.pop(certificate.sha256, None)

    def token(self, id: str) -> tuple[str, TokenRecord] | None:
        """The token of this id and whose it is."""
        return self._tokens.get(id)

    def certificate(self, sha256: str) -> tuple[str, CertificateRecord] | None:
        """The certificate of this digest and whose it is."""
        return self._certificates.get(sha256)

    def of(self, name: str) -> Credentials:
        """What a user can show, expired ones among it."""
        return self._all.get(name, Credentials(name))

    def active(self, name: str) -> KnownUser | None:
        """A user whose credentials count: he is there, not disabled, and they are his."""
        user, held = self.specs(name), self._all.get(name)
        if user is None or user.disabled or held is None or held.uid != user.uid:
            return None
        return user

    async def make_token(self, name: str, seconds: int, now: float) -> tuple[TokenRecord, str]:
        """A new token as text, which is shown nowhere again.

        Raises NotReady for a user who is not there, InvalidInput, and Conflict when he has too many
        or is disabled.
        """
        _check_life(seconds)
        token = UserToken(secrets.token_hex(_ID // 2), secrets.token_urlsafe(32))
        text = format_user_token(token)
        made = TokenRecord(token.id, secret_hash(token.secret), int(now), int(now) + seconds)
        await self._add(name, now, lambda held: replace(held, tokens=(*held.tokens, made)))
        return made, text

    async def sign(
        self, name: str, csr_pem: bytes, seconds: int, now: float
    ) -> tuple[CertificateRecord, bytes]:
        """A certificate for the key of a request, as a chain (PEM); raises as `make_token` does."""
        _check_life(seconds)
        self._known(name)
        key = csr_key(read_csr(csr_pem))
        at, life = datetime.fromtimestamp(now, UTC), timedelta(seconds=seconds)
        cert = self._authority.certify_user(name, key, life, at)
        digest = certificate_sha256(cert)
        made = CertificateRecord(
            digest[:_ID],
            digest,
            f"{cert.serial_number:x}",
            int(now),
            int(cert.not_valid_after_utc.timestamp()),
        )
        await self._add(
            name, now, lambda held: replace(held, certificates=(*held.certificates, made))
        )
        return made, pem(cert)

    async def _add(self, name: str, now: float, more: Callable[[Credentials], Credentials]) -> None:
        user = self._known(name)

        async def change(before: Credentials | None) -> Credentials:
            if before is None and await self._documents.count() >= MOST_USERS:
                raise Conflict(f"{MOST_USERS} users have credentials already: remove one of them")
            if before is None or before.uid != user.uid:
                before = Credentials(name, user.uid)
            after = more(before.living(now))
            if max(len(after.tokens), len(after.certificates)) > MOST_OF_A_USER:
                raise Conflict(
                    f"user {name} has {MOST_OF_A_USER} of them already: revoke one of them"
                )
            return after

        await self._documents.swap(name, change)

    def _known(self, name: str) -> KnownUser:
        user = self.specs(name)
        if name == ADMIN:
            raise InvalidInput(f"user {ADMIN} is the one of the admin token: choose another name")
        if user is None:
            raise NotReady(f"there is no user {name[:80]!r}: add it first")
        if user.disabled:
            raise Conflict(f"user {name} is disabled: nothing is made for it")
        return user

    async def revoke(self, name: str, id: str) -> None:
        """Refuse a token or certificate from now on; raises NotReady when the user has it not."""

        async def change(before: Credentials | None) -> Credentials:
            if before is None or id not in before.ids:
                raise NotReady(f"user {name[:80]!r} has no token or certificate {id[:40]!r}")
            return before.without(id)

        await self._documents.swap(name, change)

    async def remove(self, name: str) -> None:
        """Refuse all that a user can show, from now on; nothing where there is nothing."""
        found = await self._documents.get(name)
        if found is not None:
            await self._documents.delete(name, found.revision)


def _check_life(seconds: int) -> None:
    if not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
        raise InvalidInput(
            f"expires_seconds is {seconds}, but must be between {SHORTEST_SECONDS} and "
            f"{LONGEST_SECONDS} ({LONGEST_SECONDS // DAY} days)"
        )
