"""What the audit log says of an act: who, what, where, what changed, and how it ended.

In: an `Act`. Out: a JSON object that `federation.controller.audit_chain` makes a line of; all of it
bounded, and printable.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from federation.apiserver.access import Attributes
from federation.apiserver.caller import Caller
from federation.controller.audit_chain import Line
from federation.controller.audit_changes import MOST_CHANGES
from federation.controller.store.store import IntentStore
from federation.runtime.clock import wall_seconds
from federation.runtime.escapes import visible

DONE = "done"
LONGEST_TEXT = 400
_MOST_GROUPS = 10
_BEFORE = "audit/"
SHOWN: dict[str, Any] = {
    **dict.fromkeys(("what", "who", "address", "cluster", "detail", "outcome", "how", "by"), ""),
    **dict.fromkeys(("verb", "group", "resource", "subresource", "namespace", "name"), ""),
    "previous": "",
    "groups": [],
    "changes": [],
    "dry_run": False,
}
"""All fields of an entry, as they are where its line does not have them."""


@dataclass(slots=True)
class Act:
    """What somebody is doing: `what` as fedctl calls it, `who` by name or by what they showed.

    `target` is what was asked for. `detail`, `cluster` and `changes` may become known while it is
    done.
    """

    what: str
    who: str
    address: str
    cluster: str = ""
    detail: str = ""
    changes: Sequence[str] = ()
    caller: Caller | None = None
    target: Attributes | None = None
    dry_run: bool = False
    at: float = field(default_factory=wall_seconds)
    outcome: str = DONE


async def acts_in_store(store: IntentStore) -> tuple[Act, ...]:
    """The entries that were kept in the store before there was a file, the oldest first."""
    found: list[tuple[int, Act]] = []
    for key, entry in (await store.read_all(_BEFORE)).entries.items():
        values = json.loads(entry.value)
        found.append((int(key.rpartition("/")[2]), Act(**values)))
    return tuple(act for _, act in sorted(found, key=lambda pair: pair[0]))


def said(act: Act, detail: str, outcome: str) -> dict[str, Any]:
    """What an entry says; all of it bounded, and as text for people."""
    caller, target = act.caller, act.target or Attributes("")
    by = caller.by if caller else None
    texts = {
        "what": act.what,
        "who": act.who,
        "address": act.address,
        "cluster": act.cluster,
        "detail": detail,
        "how": caller.how if caller else "",
        "by": by.name if by else "",
        "verb": target.verb,
        "group": target.group,
        "resource": target.resource,
        "subresource": target.subresource,
        "namespace": target.namespace,
        "name": target.name,
        "outcome": outcome,
    }
    return {
        "at": round(act.at, 3),
        **{name: _fit(text) for name, text in texts.items()},
        "groups": [_fit(group) for group in (caller.groups if caller else ())[:_MOST_GROUPS]],
        "changes": [_fit(change) for change in tuple(act.changes)[: MOST_CHANGES + 1]],
        "dry_run": act.dry_run,
    }


def for_people(line: Line) -> dict[str, Any]:
    """A line for the log of the process, which has the time of its own; and what it may anchor."""
    shown = {k: v for k, v in line.items() if k not in ("at", "previous") and v}
    shown = {"object" if k == "name" else k: v for k, v in shown.items()}
    return {k: ",".join(v) if isinstance(v, list) else v for k, v in shown.items()}


def _fit(text: str) -> str:
    """As a line for people: nothing in it that does not print, and not too long."""
    plain = visible(text)
    return plain if len(plain) <= LONGEST_TEXT else f"{plain[: LONGEST_TEXT - 3]}..."
