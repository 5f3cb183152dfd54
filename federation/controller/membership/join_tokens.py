"""The join tokens that were made, over the store: what is kept of each, and how one is made void.

A secret is never kept, so nothing here can show one. Next:
`federation.controller.membership.members`.
"""

import json
import secrets
from dataclasses import asdict, replace

from federation.controller.store.store import Entry, Store
from federation.model.errors import Conflict, Denied, InvalidInput, NotReady
from federation.model.names import ClusterId
from federation.trust.tokens import (
    JoinRecord,
    JoinToken,
    check_secret,
    format_join_token,
    parse_join_token,
    secret_hash,
)

_TOKENS = "tokens/"
MAX_TOKEN_SECONDS = 7 * 86_400
MOST_TOKENS = 1_000
"""How many are kept; beyond that those go first that expired first."""


class JoinTokens:
    """The tokens of one controller; `url` is where it is joined."""

    def __init__(self, store: Store, root_sha256: str, url: str) -> None:
        self._store = store
        self._root_sha256 = root_sha256
        self._url = url

    async def make(self, cluster: ClusterId, seconds: int, now: float) -> tuple[JoinRecord, str]:
        """A new token; raises InvalidInput, and Conflict when too many can still be used."""
        if not 1 <= seconds <= MAX_TOKEN_SECONDS:
            raise InvalidInput(
                f"expires_seconds is {seconds}, but must be between 1 and {MAX_TOKEN_SECONDS}"
            )
        await self._make_room(now)
        token = JoinToken(
            self._url,
            self._root_sha256,
            cluster,
            secrets.token_hex(8),
            secrets.token_urlsafe(32),
        )
        record = JoinRecord(
            token.id, cluster, secret_hash(token.secret), int(now) + seconds, created=int(now)
        )
        await self.keep(record, 0)
        return record, format_join_token(token)

    async def _make_room(self, now: float) -> None:
        found = await self._store.read_all(_TOKENS)
        if len(found) < MOST_TOKENS:
            return
        known = [(_read(entry).expires, key, entry.revision) for key, entry in found.items()]
        expires, key, revision = min(known)
        if now < expires:
            raise Conflict(
                f"there are {len(found)} join tokens, of which none has expired: no more are made "
                "until one has"
            )
        await self._store.delete(key, revision)

    async def find(self, text: str, now: float) -> tuple[JoinToken, JoinRecord, int]:
        """The token in a text, what is kept of it, and at which revision.

        Raises Denied for one that is unknown, revoked or expired, or has another secret.
        """
        token = parse_join_token(text)
        entry = await self._store.read(f"{_TOKENS}{token.id}")
        if entry is None:
            raise Denied(
                f"join token {token.id} was not made by this controller, or its cluster has left "
                "since"
            )
        record = _read(entry)
        check_secret(record, token.secret, now)
        return token, record, entry.revision

    async def keep(self, record: JoinRecord, expected: int) -> int:
        """Write what is known of a token over the revision `expected`; returns the next one."""
        value = json.dumps(asdict(record)).encode()
        return await self._store.write(f"{_TOKENS}{record.id}", value, expected)

    async def all(self) -> tuple[JoinRecord, ...]:
        """All tokens, the oldest first."""
        found = map(_read, (await self._store.read_all(_TOKENS)).values())
        return tuple(sorted(found, key=lambda record: (record.created, record.id)))

    async def revoke(self, id: str) -> JoinRecord:
        """Make a token void; raises NotReady for one that is not known."""
        entry = await self._store.read(f"{_TOKENS}{id}")
        if entry is None:
            raise NotReady(f"there is no join token {id[:40]!r}: see fedctl token list")
        return await self._revoke(entry)

    async def _revoke(self, entry: Entry) -> JoinRecord:
        record = _read(entry)
        if record.revoked:
            return record
        void = replace(record, revoked=True)
        await self.keep(void, entry.revision)
        return void

    async def revoke_all(self, cluster: ClusterId) -> None:
        """Make all tokens of a cluster void."""
        for entry in (await self._store.read_all(_TOKENS)).values():
            if _read(entry).cluster == cluster:
                await self._revoke(entry)

    async def forget(self, cluster: ClusterId) -> None:
        """A cluster has left: its tokens are of no interest any more."""
        for key, entry in (await self._store.read_all(_TOKENS)).items():
            if _read(entry).cluster == cluster:
                await self._store.delete(key, entry.revision)


async def revoke_unspent(store: Store) -> None:
    """After a restore: a token that looks unspent may have been used since the backup was made."""
    tokens = JoinTokens(store, "", "")
    for record in await tokens.all():
        if not record.used_by:
            await tokens.revoke(record.id)


def _read(entry: Entry) -> JoinRecord:
    return JoinRecord(**json.loads(entry.value))
