"""What documents do to the facts: one row for each kind that has an effect.

In: the streams and the hub behind them. Out: rows for
`federation.controller.intent.apply_intent.ApplyIntent`. A new kind adds its row here.
"""

from typing import Any

from federation.controller.intent.apply_intent import Effect
from federation.controller.membership.records import MEMBERS
from federation.controller.sessions import Federation
from federation.model.names import ClusterId


def effects(federation: Federation) -> tuple[Effect[Any], ...]:
    """The rows; those of clusters come first, since all others are about them."""
    return (
        Effect(
            MEMBERS,
            federation.load,
            federation.put_member,
            lambda name: federation.remove_member(ClusterId(name)),
        ),
    )
