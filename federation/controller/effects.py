"""What documents do to the facts: one row for each kind that has an effect.

In: the streams and the hub behind them. Out: rows for
`federation.controller.intent.apply_intent.ApplyIntent`. A new kind adds its row here.
"""

from typing import Any

from federation.controller.intent.apply_intent import Effect
from federation.controller.membership.records import MEMBERS
from federation.controller.sessions import Sessions
from federation.model.names import ClusterId


def effects(sessions: Sessions) -> tuple[Effect[Any], ...]:
    """The rows; those of clusters come first, since all others are about them."""
    return (
        Effect(
            MEMBERS,
            sessions.load,
            sessions.put_member,
            lambda name: sessions.remove_member(ClusterId(name)),
        ),
    )
