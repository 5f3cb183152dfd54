"""Members as they are in the store: read, written, changed by compare-and-swap."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace

from federation.controller.member import Member
from federation.controller.store.store import Entry, Store
from federation.model.errors import Conflict
from federation.model.names import ClusterId

MEMBERS = "members/"
_ATTEMPTS = 5

Change = Callable[[Member | None], Awaitable[Member]]


def read_member(entry: Entry) -> Member:
    """The member in an entry, with the revision at which it was written."""
    values = json.loads(entry.value)
    lists = {name: tuple(v) for name, v in values.items() if isinstance(v, list)}
    member = Member(**{**values, **lists}, revision=entry.revision)
    if member.anchors[1:] and not (member.ends or member.replace_key):
        return replace(member, anchors=member.anchors[:1])  # written before anchors had ends
    return member


async def write_member(store: Store, member: Member, expected: int) -> Member:
    """Write it over the revision `expected`; returns it with its new one. Raises Conflict."""
    values = asdict(member)
    del values["revision"]  # the entry's own
    value = json.dumps(values).encode()
    revision = await store.write(f"{MEMBERS}{member.id}", value, expected)
    return replace(member, revision=revision)


async def swap(store: Store, cluster: ClusterId, change: Change) -> tuple[Member | None, Member]:
    """Write a member as `change` makes it; returns it before and after.

    `change` is asked again when somebody else wrote in between, a few times. Raises what it raises,
    and Conflict.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        entry = await store.read(f"{MEMBERS}{cluster}")
        before = read_member(entry) if entry else None
        after = await change(before)
        if after == before:
            return before, after
        try:
            return before, await write_member(store, after, entry.revision if entry else 0)
        except Conflict:
            if attempt == _ATTEMPTS:
                raise
    raise Conflict(f"cluster {cluster} is changed by others all the time: try again")
