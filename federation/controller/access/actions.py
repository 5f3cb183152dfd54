"""What is done to a user through the API: tokens and certificates are made, listed and revoked.

In: the name of a user, a body as JSON, the note of the call, whether it is a dry run. Out: the
answer as an object; a secret in it is told there and never again, and not in the note.
"""

from typing import Any, Protocol, TypeVar

from pydantic import ValidationError

from federation.api.base import Ours, explain
from federation.api.v1alpha1.credentials import RevocationSpec, UserCertificateSpec, UserTokenSpec
from federation.controller.access.users import Users
from federation.model.errors import InvalidInput
from federation.model.timestamps import rfc3339
from federation.runtime.clock import wall_seconds
from federation.runtime.escapes import visible

Json = dict[str, Any]
Spec = TypeVar("Spec", bound=Ours)

API_VERSION = "fedmesh.dev/v1alpha1"
_DRY_ID = "dry-run"


class Note(Protocol):
    """What the audit log will say of the call."""

    detail: str


class UserActions:
    """The subresources of a User that are created."""

    def __init__(self, users: Users) -> None:
        self._users = users

    async def token(self, name: str, body: Json, note: Note, is_dry: bool) -> Json:
        """A token of the user."""
        spec = _spec(UserTokenSpec, body)
        if is_dry:
            return _answer("UserToken", name, spec, {"id": _DRY_ID})
        record, text = await self._users.make_token(name, spec.expiration_seconds, wall_seconds())
        note.detail = f"token {record.id}, for {spec.expiration_seconds} s"
        status = {"id": record.id, "token": text, "expires": rfc3339(record.expires)}
        return _answer("UserToken", name, spec, status)

    async def certificate(self, name: str, body: Json, note: Note, is_dry: bool) -> Json:
        """A certificate for the key of a request."""
        spec = _spec(UserCertificateSpec, body)
        if is_dry:
            return _answer("UserCertificate", name, spec, {"id": _DRY_ID})
        record, chain = await self._users.sign(
            name, spec.request.encode(), spec.expiration_seconds, wall_seconds()
        )
        note.detail = f"certificate {record.id}, for {spec.expiration_seconds} s"
        status = {
            "id": record.id,
            "certificate": chain.decode(),
            "expires": rfc3339(record.expires),
        }
        return _answer("UserCertificate", name, spec, status)

    async def revoke(self, name: str, body: Json, note: Note, is_dry: bool) -> Json:
        """Refuse one token or certificate, or all of them, from now on."""
        spec = _spec(RevocationSpec, body)
        what = f"credential {spec.id}" if spec.id else "all credentials"
        note.detail = what
        if not is_dry and spec.id:
            await self._users.revoke(name, spec.id)
        elif not is_dry:
            await self._users.remove(name)
        return _answer("Revocation", name, spec, {"message": f"{what} of user {name}: refused"})

    def credentials(self, name: str) -> list[Json]:
        """What a user can show now, the oldest first, without secrets: for the status of a User."""
        held = self._users.of(name).living(wall_seconds())
        found = [
            *(("Token", t.id, t.created, t.expires) for t in held.tokens),
            *(("Certificate", c.id, c.created, c.expires) for c in held.certificates),
        ]
        return [
            {"id": id, "kind": kind, "created": rfc3339(created), "expires": rfc3339(expires)}
            for kind, id, created, expires in sorted(found, key=lambda row: (row[2], row[1]))
        ]


def _spec(model: type[Spec], body: Json) -> Spec:
    said = body.get("spec") or {}
    try:
        return model.model_validate(said if isinstance(said, dict) else {"spec": said})
    except ValidationError as error:
        raise InvalidInput(visible(explain(error))) from error


def _answer(kind: str, name: str, spec: Ours, status: Json) -> Json:
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec.model_dump(by_alias=True),
        "status": status,
    }
