"""Users as objects: what they can show is their status, and goes with them.

In: the collection of Users and their credentials. Out: the status of each, renewed when credentials
change; the storage that lets credentials go with their user; and the subresources that make and
revoke them.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from federation.apiserver.collection import Collection, Held
from federation.apiserver.resource import Act
from federation.controller.access.actions import Note, UserActions
from federation.controller.access.users import Users
from federation.controller.objects.storage import ObjectStorage

Json = dict[str, Any]
_Done = Callable[[str, Json, Note, bool], Awaitable[Json]]


class ShownUsers:
    """Has each User show what it can show."""

    def __init__(self, collection: Collection, users: Users) -> None:
        self._collection = collection
        self._actions = UserActions(users)
        users.on_change = self._changed

    def with_status(self, found: Json) -> Json:
        """A User with its status."""
        credentials = self._actions.credentials(found["metadata"]["name"])
        return {**found, "status": {"credentials": credentials}}

    def _changed(self, name: str) -> None:
        held = self._collection.get("", name)
        if held is not None:
            self._collection.put(self.with_status(held.object), held.stored, held.size)


def user_acts(users: Users) -> dict[str, Act]:
    """The subresources that are created, by their names."""
    actions = UserActions(users)
    return {
        "token": _act(actions.token),
        "certificate": _act(actions.certificate),
        "revoke": _act(actions.revoke),
    }


def _act(done: _Done) -> Act:
    async def act(held: Held, body: Json, note: Note, is_dry: bool) -> Json:
        return await done(held.object["metadata"]["name"], body, note, is_dry)

    return act


class UserStorage:
    """Implements `federation.apiserver.resource.Storage`: credentials end with their user."""

    def __init__(self, objects: ObjectStorage, users: Users) -> None:
        self._objects = objects
        self._users = users

    async def write(self, found: Json, before: Held | None) -> None:
        """See Storage."""
        await self._objects.write(found, before)

    async def delete(self, held: Held) -> None:
        """See Storage. The credentials of a user who is gone are refused at once, whatever then."""
        await self._objects.delete(held)
        await self._users.remove(held.object["metadata"]["name"])
