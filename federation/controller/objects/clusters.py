"""Clusters as objects: where the API writes them.

A `Member` has the object as it was sent and what the cluster joined with, under one key and one
revision. In: objects. Out: members, by compare-and-swap. To delete a Cluster is to have it leave in
order: it is there, with a deletionTimestamp, until others have moved away.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from federation.api.rows.own import CLUSTER
from federation.apiserver.collection import Held
from federation.apiserver.statuses import changed_meanwhile
from federation.controller.intent.documents import Documents
from federation.controller.member import Member, is_shut_out
from federation.controller.membership.cluster_object import with_object
from federation.model.errors import Conflict
from federation.model.names import ClusterId
from federation.trust.spiffe import trust_domain

Json = dict[str, Any]


class ClusterStorage:
    """Implements `federation.apiserver.resource.Storage` over the members."""

    def __init__(
        self,
        documents: Documents[Member],
        domain: str,
        leave: Callable[[ClusterId], Awaitable[None]],
        remove: Callable[[ClusterId], Awaitable[None]],
    ) -> None:
        self._documents = documents
        self._domain = domain
        self._leave = leave
        self._remove = remove

    async def write(self, found: Json, before: Held | None) -> None:
        """See Storage."""
        name = ClusterId(found["metadata"]["name"])
        known = await self._documents.get(name)
        expected = before.stored if before is not None else 0
        if (known.revision if known is not None else 0) != expected:
            raise Conflict(f"cluster {name} was changed by someone else in between: try again")
        if known is not None and known.value.leaving:
            raise changed_meanwhile(CLUSTER, name, "it is leaving: wait until it has left")
        member = known.value if known else Member(name, trust_domain(name, self._domain), "")
        await self._documents.put(with_object(member, found), expected)

    async def delete(self, held: Held) -> None:
        """See Storage: it begins to leave; one that has never joined is gone at once."""
        name = ClusterId(held.object["metadata"]["name"])
        known = await self._documents.get(name)
        if known is not None and not known.value.anchors and not is_shut_out(known.value):
            await self._documents.delete(name, known.revision)  # it may join at this moment
            await self._remove(name)
        else:
            await self._leave(name)
