"""The join tokens that were made, over the store: what is kept of each, and how one is made void.

A secret is never kept, so nothing here can show one. Next:
`federation.controller.membership.members`.
"""

import secrets
from dataclasses import replace

from federation.api.v1alpha1.join_token import LONGEST_SECONDS
from federation.controller.intent.documents import Document, Documents
from federation.controller.membership.records import TOKENS
from federation.controller.store.store import IntentStore
from federation.model.errors import Conflict, Denied, InvalidInput, NotReady
from federation.model.names import ClusterId
from federation.trust.join_tokens import (
    JoinRecord,
    JoinToken,
    check_secret,
    format_join_token,
    parse_join_token,
    secret_hash,
)

MAX_TOKEN_SECONDS = LONGEST_SECONDS
MOST_TOKENS = 1_000
"""How many are kept; beyond that those go first that expired first."""


class JoinTokens:
    """The tokens of one controller; `url` is where it is joined."""

    def __init__(self, store: IntentStore, root_sha256: str, url: str) -> None:
        self._documents = Documents(store, TOKENS)
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
        if await self._documents.count() < MOST_TOKENS:
            return
        found = await self._documents.list()
        expires, id, revision = min((d.value.expires, d.value.id, d.revision) for d in found)
        if now < expires:
            raise Conflict(
                f"there are {len(found)} join tokens, of which none has expired: no more are made "
                "until one has"
            )
        await self._documents.delete(id, revision)

    async def find(self, text: str, now: float) -> tuple[JoinToken, JoinRecord, int]:
        """The token in a text, what is kept of it, and at which revision.

        Raises Denied for one that is unknown, revoked or expired, or has another secret.
        """
        token = parse_join_token(text)
        found = await self._documents.get(token.id)
        if found is None:
            raise Denied(
                f"join token {token.id} was not made by this controller, or its cluster has left "
                "since"
            )
        check_secret(found.value, token.secret, now)
        return token, found.value, found.revision

    async def keep(self, record: JoinRecord, expected: int) -> int:
        """Write what is known of a token over the revision `expected`; returns the next one."""
        return (await self._documents.put(record, expected)).revision

    async def all(self) -> tuple[JoinRecord, ...]:
        """All tokens, the oldest first."""
        found = (document.value for document in await self._documents.list())
        return tuple(sorted(found, key=lambda record: (record.created, record.id)))

    async def revoke(self, id: str) -> JoinRecord:
        """Make a token void; raises NotReady for one that is not known."""
        found = await self._documents.get(id)
        if found is None:
            raise NotReady(f"there is no join token {id[:40]!r}: see fedctl token list")
        return await self._revoke(found)

    async def _revoke(self, found: Document[JoinRecord]) -> JoinRecord:
        if found.value.revoked:
            return found.value
        void = replace(found.value, revoked=True)
        await self.keep(void, found.revision)
        return void

    async def revoke_all(self, cluster: ClusterId) -> None:
        """Make all tokens of a cluster void."""
        for found in await self._documents.list():
            if found.value.cluster == cluster:
                await self._revoke(found)

    async def forget(self, cluster: ClusterId) -> None:
        """A cluster has left: its tokens are of no interest any more."""
        for found in await self._documents.list():
            if found.value.cluster == cluster:
                await self._documents.delete(found.value.id, found.revision)


async def revoke_unspent(store: IntentStore) -> None:
    """After a restore: a token that looks unspent may have been used since the backup was made."""
    tokens = JoinTokens(store, "", "")
    for record in await tokens.all():
        if not record.used_by:
            await tokens.revoke(record.id)
