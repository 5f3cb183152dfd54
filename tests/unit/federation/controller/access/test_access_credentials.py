"""What may be asked of a user's credentials, and what is refused before anything is made."""

from typing import Any

import pytest

from federation.controller.access.actions import UserActions
from federation.model.errors import InvalidInput
from tests.unit.federation.controller.access.access_world import World
from tests.unit.federation.controller.access.test_access_actions import Noted


@pytest.mark.parametrize(
    ("action", "spec"),
    [
        ("token", {"expirationSeconds": 59}),
        ("token", {"expirationSeconds": 366 * 86_400}),
        ("token", {"expirationSeconds": "60"}),
        ("token", {"seconds": 60}),
        ("token", [1]),
        ("certificate", {}),
        ("certificate", {"request": "x" * 5_000}),
        ("certificate", {"request": "nonsense"}),
        ("revoke", {"id": "x" * 65}),
        ("revoke", {"id": "\x1b[31m"}),
    ],
)
async def test_what_is_asked_for_wrongly_is_refused(action: str, spec: Any) -> None:
    world = World()
    actions = UserActions(world.users)
    with pytest.raises(InvalidInput):
        await getattr(actions, action)("ann", {"spec": spec}, Noted(), False)
    assert not world.store.intent
