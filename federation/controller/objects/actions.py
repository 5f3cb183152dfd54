"""What can be done to a Cluster beside writing it: invite it, confirm, revoke, replace its key.

In: the object, a body, the note of the call, whether it is a dry run. Out: the answer as an object.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from federation.api.base import mistakes
from federation.api.rows.own import CLUSTER
from federation.api.v1alpha1.join_token import JoinTokenSpec
from federation.apiserver.collection import Held
from federation.apiserver.resource import Act
from federation.apiserver.statuses import Cause, invalid
from federation.controller.membership.members import Members
from federation.controller.objects.views import time_of
from federation.controller.sessions import Sessions
from federation.model.names import ClusterId
from federation.runtime.clock import wall_seconds

Json = dict[str, Any]


class ClusterActions:
    """The subresources of a Cluster that are created."""

    def __init__(self, members: Members, sessions: Sessions) -> None:
        self._members = members
        self._sessions = sessions

    def all(self) -> Mapping[str, Act]:
        """By their names."""
        return {
            "jointoken": self.invite,
            "confirm": self.confirm,
            "revoke": self.revoke,
            "rekey": self.rekey,
        }

    async def invite(self, held: Held, body: Json, note: Any, is_dry: bool) -> Json:
        """A join token, which is told once."""
        name = _name(held)
        try:
            spec = JoinTokenSpec.model_validate(body.get("spec") or {})
        except ValidationError as error:
            causes = [Cause(f"spec.{field}", said) for field, said in mistakes(error)]
            raise invalid(CLUSTER, name, causes) from error
        answer = {
            "apiVersion": CLUSTER.api_version,
            "kind": "JoinToken",
            "metadata": {"name": name},
            "spec": {"expirationSeconds": spec.expiration_seconds},
        }
        if is_dry:
            return answer
        now = wall_seconds()
        record, token = await self._members.mint_token(name, spec.expiration_seconds, now)
        note.detail = f"token {record.id}, for {spec.expiration_seconds} s"
        status = {"id": record.id, "token": token, "expires": time_of(record.expires)}
        return {**answer, "status": status}

    async def confirm(self, held: Held, body: Json, note: Any, is_dry: bool) -> Json:
        """Let go what is held back of a cluster."""
        name = _name(held)
        released = "" if is_dry else self._sessions.confirm(name)
        note.detail = released
        return _done(held, released or "nothing was held back")

    async def revoke(self, held: Held, body: Json, note: Any, is_dry: bool) -> Json:
        """Accept nothing of a cluster any more."""
        if not is_dry:
            await self._members.revoke(_name(held))
        return _done(held, "its certificates are rejected everywhere")

    async def rekey(self, held: Held, body: Json, note: Any, is_dry: bool) -> Json:
        """Have a cluster replace its key."""
        if is_dry:
            return _done(held, "it would be asked for another key")
        member = await self._members.rekey(_name(held))
        note.detail = f"replaces key {member.replace_key[:16]}"
        return _done(held, "it was asked for another key")


def _name(held: Held) -> ClusterId:
    return ClusterId(held.object["metadata"]["name"])


def _done(held: Held, message: str) -> Json:
    return {
        "apiVersion": CLUSTER.api_version,
        "kind": "Action",
        "metadata": {"name": held.object["metadata"]["name"]},
        "status": {"message": message},
    }
