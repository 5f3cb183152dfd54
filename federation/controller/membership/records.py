"""Members and join tokens as documents in the store."""

import json
from dataclasses import asdict, replace

from federation.controller.intent.documents import Kind
from federation.controller.member import Member
from federation.controller.store.store import Entry
from federation.trust.join_tokens import JoinRecord


def read_member(entry: Entry) -> Member:
    """The member in an entry, with the revision at which it was written."""
    values = json.loads(entry.value)
    lists = {name: tuple(v) for name, v in values.items() if isinstance(v, list)}
    member = Member(**{**values, **lists}, revision=entry.revision)
    if member.anchors[1:] and not (member.ends or member.replace_key):
        return replace(member, anchors=member.anchors[:1])  # written before anchors had ends
    return member


def _member_bytes(member: Member) -> bytes:
    values = asdict(member)
    del values["revision"]  # the entry's own
    return json.dumps(values).encode()


def _read_token(entry: Entry) -> JoinRecord:
    return JoinRecord(**json.loads(entry.value))


def _token_bytes(record: JoinRecord) -> bytes:
    return json.dumps(asdict(record)).encode()


MEMBERS: Kind[Member] = Kind("Cluster", "members/", lambda m: m.id, _member_bytes, read_member)
TOKENS: Kind[JoinRecord] = Kind("JoinToken", "tokens/", lambda r: r.id, _token_bytes, _read_token)
