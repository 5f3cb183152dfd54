"""Namespaces as objects: written ones are kept, and end with what is in them.

A namespace that nobody wrote is there while something is in it; to write it is to keep it.
"""

from typing import Any

from federation.apiserver.collection import Collection, Held
from federation.apiserver.resource import Storage
from federation.model.errors import Conflict

Json = dict[str, Any]

ALWAYS = "default"
"""The namespace that is there without anything in it."""


class NamespaceStorage:
    """Implements `federation.apiserver.resource.Storage`; policies go with their namespace."""

    def __init__(self, own: Storage, policies: Storage, inside: Collection) -> None:
        self._own = own
        self._policies = policies
        self._inside = inside

    async def write(self, found: Json, before: Held | None) -> None:
        """See Storage."""
        kept = before if before is not None and before.stored else None
        await self._own.write({k: v for k, v in found.items() if k != "status"}, kept)

    async def delete(self, held: Held) -> None:
        """See Storage. Raises Conflict for one that services make."""
        name = held.object["metadata"]["name"]
        if not held.stored and name == ALWAYS:
            raise Conflict(f"namespace {name} is always there")
        if not held.stored:
            raise Conflict(
                f"namespace {name} is there since services or policies are in it, and goes with "
                "them"
            )
        for policy in self._inside.listed(name):
            await self._policies.delete(policy)
        await self._own.delete(held)
