"""Who belongs to the clusterset: the operator's word, and joining by token. Intent, written first.

Every change is on the disk before anybody hears of it.
"""

import json
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime

from federation.controller.authority import Authority
from federation.controller.registry import Member
from federation.controller.store.store import Store
from federation.model.errors import Denied, InvalidInput, NotReady
from federation.model.names import parse_cluster_id
from federation.trust.pem import (
    PublicKey,
    certificate_key,
    csr_key,
    key_sha256,
    load_certificates,
    pem,
    read_csr,
)
from federation.trust.spiffe import trust_domain
from federation.trust.tokens import (
    JoinRecord,
    JoinToken,
    format_join_token,
    parse_join_token,
    redeem,
    secret_hash,
)
from federation.trust.validate import check_twin

_MEMBERS = "members/"
_TOKENS = "tokens/"
_OLD_ANCHORS = 1
"""How many earlier anchors stay when a cluster joins again: its old leaves live for an hour."""

MAX_TOKEN_SECONDS = 7 * 86_400


@dataclass(frozen=True, slots=True)
class Joined:
    """The answer to a cluster that joins; all PEM."""

    member: Member
    chain: bytes
    root: bytes


class Members:
    """Members and join tokens over the store."""

    def __init__(self, store: Store, authority: Authority, domain: str, url: str) -> None:
        self._store = store
        self._authority = authority
        self._domain = domain
        self._url = url

    async def load(self) -> tuple[Member, ...]:
        """All members, by id."""
        found = await self._store.read_all(_MEMBERS)
        return tuple(_read_member(entry.value) for entry in found.values())

    async def state(self, wanted: Member) -> Member:
        """Write the operator's word about a cluster; what it joined with stays.

        `wanted` comes without trust domain and anchors. Raises InvalidInput.
        """
        key = f"{_MEMBERS}{wanted.id}"
        before = await self._store.read(key)
        anchors = _read_member(before.value).anchors if before else ()
        values = asdict(wanted) | {
            "trust_domain": trust_domain(wanted.id, self._domain),
            "anchors": anchors,
        }
        member = _member(values)
        await self._store.write(key, _encode(member), before.revision if before else 0)
        return member

    async def mint_token(self, cluster: str, seconds: int, now: float) -> tuple[JoinRecord, str]:
        """A join token for a known cluster; raises InvalidInput, NotReady for an unknown one."""
        if not 1 <= seconds <= MAX_TOKEN_SECONDS:
            raise InvalidInput(
                f"expires_seconds is {seconds}, but must be between 1 and {MAX_TOKEN_SECONDS}"
            )
        name = parse_cluster_id(cluster)
        if await self._store.read(f"{_MEMBERS}{name}") is None:
            raise NotReady(f"cluster {name} is not known yet: add it first")
        token = JoinToken(
            self._url,
            self._authority.root_sha256,
            name,
            secrets.token_hex(8),
            secrets.token_urlsafe(32),
        )
        record = JoinRecord(token.id, name, secret_hash(token.secret), int(now) + seconds)
        await self._store.write(f"{_TOKENS}{token.id}", json.dumps(asdict(record)).encode(), 0)
        return record, format_join_token(token)

    async def join(self, token_text: str, csr: bytes, twin: bytes, now: datetime) -> Joined:
        """Redeem a token for an intermediate. The same key may ask again when an answer was lost.

        Raises Denied for a token that is wrong, expired, foreign or used with another key, and
        InvalidInput for documents that are not what they should be.
        """
        token = parse_join_token(token_text)
        key = csr_key(read_csr(csr))
        entry = await self._store.read(f"{_TOKENS}{token.id}")
        if entry is None:
            raise Denied(f"join token {token.id} was not made by this controller")
        record = JoinRecord(**json.loads(entry.value))
        redeemed = redeem(record, token.secret, key_sha256(key), now.timestamp())
        found = await self._store.read(f"{_MEMBERS}{record.cluster}")
        if found is None:
            raise Denied(f"cluster {record.cluster} is not a member any more")
        member = _read_member(found.value)
        twins = load_certificates(twin)
        check_twin(twins[0], public_key=key, trust_domain=member.trust_domain, now=now)
        intermediate = self._authority.certify_cluster(member.trust_domain, key, now)
        if redeemed != record:
            value = json.dumps(asdict(redeemed)).encode()
            await self._store.write(f"{_TOKENS}{token.id}", value, entry.revision)
        anchor = pem(twins[0]).decode()
        if anchor not in member.anchors:
            kept = (anchor, *member.anchors)[: 1 + _OLD_ANCHORS]
            member = _member(asdict(member) | {"anchors": kept})
            await self._store.write(f"{_MEMBERS}{record.cluster}", _encode(member), found.revision)
        return Joined(member, pem(intermediate), self._authority.root_pem)

    def renew(self, member: Member, csr: bytes, now: datetime) -> bytes:
        """A new intermediate (PEM) for the key a member already has; raises Denied for another."""
        key = csr_key(read_csr(csr))
        known = {key_sha256(_key_of(anchor)) for anchor in member.anchors}
        if key_sha256(key) not in known:
            raise Denied(f"cluster {member.id} asks to renew a key it has not joined with")
        return pem(self._authority.certify_cluster(member.trust_domain, key, now))


def _key_of(anchor: str) -> PublicKey:
    return certificate_key(load_certificates(anchor.encode())[0])


def _encode(member: Member) -> bytes:
    return json.dumps(asdict(member)).encode()


def _read_member(value: bytes) -> Member:
    return _member(json.loads(value))


def _member(values: dict[str, object]) -> Member:
    lists = {name: tuple(v) for name, v in values.items() if isinstance(v, list | tuple)}
    return Member(**{**values, **lists})  # type: ignore[arg-type]
