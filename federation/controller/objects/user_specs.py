"""What is stated of users, in memory: for whoever asks at each request."""

import logging
from typing import Any

from pydantic import ValidationError

from federation.api.base import explain
from federation.api.v1alpha1.access import UserSpec
from federation.controller.access.users import KnownUser
from federation.runtime.logs import event

log = logging.getLogger(__name__)

Json = dict[str, Any]


class UserSpecs:
    """The users by name, as they come from the store; to be called with a name."""

    def __init__(self) -> None:
        self._known: dict[str, KnownUser] = {}

    def __call__(self, name: str) -> KnownUser | None:
        return self._known.get(name)

    def heard(self, name: str, found: Json | None) -> None:
        """A User was written, or is gone (None); one that cannot be read is nobody."""
        self._known.pop(name, None)
        if found is None:
            return
        try:
            spec = UserSpec.model_validate(found.get("spec") or {})
        except ValidationError as error:
            log.warning(event("a user is not known", user=name, reason=explain(error)))
            return
        uid = str(found["metadata"].get("uid", ""))
        self._known[name] = KnownUser(tuple(spec.groups), spec.disabled, uid)
