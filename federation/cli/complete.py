"""What a shell may complete beside commands and options: kinds, names, namespaces, contexts.

In: a command line up to where it ends. Out: words. Names are asked of the controller, for a second
at most; where that fails there are none, and nothing is said, as the person is still typing.
"""

import os
import threading
from collections.abc import Callable, Iterable
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from federation.cli.objects.session import Session

Complete = Callable[[click.Context, str], Iterable[str]]

VARIABLE = "_FEDCTL_COMPLETE"
"""Set where a shell asks, as click's scripts do it."""
SECONDS = 1.0


class Words(click.ParamType[str]):
    """A text of which the beginning is known: completed by `find`."""

    name = "text"

    def __init__(self, find: Complete) -> None:
        self._find = find

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The words that begin so and are not there yet."""
        there = ctx.params.get(param.name or "")
        used = set(there) if isinstance(there, tuple) else set()
        found = within(lambda: sorted(set(self._find(ctx, incomplete))), ctx)
        return [CompletionItem(w) for w in found if w.startswith(incomplete) and w not in used]


def within(
    find: Callable[[], list[str]], ctx: click.Context, seconds: float = SECONDS
) -> list[str]:
    """What is found in time, nothing when it fails or takes longer."""
    found: list[str] = []

    def work() -> None:
        try:
            with ctx.scope(cleanup=False):
                found.extend(find())
        except Exception:  # noqa: BLE001, S110 - whoever is typing is not to be disturbed
            pass

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    return list(found)


def attach(command: click.Command, prefix: str = "") -> click.Command:
    """The same command with texts that are completed; `prefix` is its group's name and `_`."""
    made = copy(command)
    made.params = [_completed(param, prefix) for param in command.params]
    return made


def _completed(param: click.Parameter, prefix: str) -> click.Parameter:
    name = param.name or ""
    find = _OF_GROUPS.get((prefix, name)) or _EVERYWHERE.get(name)
    if find is None or not isinstance(param.type, type(click.STRING)):
        return param
    made = copy(param)
    made.type = Words(find)
    return made


def contexts(ctx: click.Context, _: str) -> Iterable[str]:
    """The contexts of the configuration."""
    from federation.cli.config import config_path, load_contexts  # noqa: PLC0415

    return load_contexts(config_path(_config(ctx), os.environ)).all


def objects_of(kind: str) -> Complete:
    """Completes the names of the objects of a kind."""
    return lambda ctx, _: _names(_session(ctx), kind)


def kinds(ctx: click.Context, _: str) -> Iterable[str]:
    """The kinds of which there are objects."""
    return (kind.plural for kind in _session(ctx).kinds.listable())


def words(ctx: click.Context, incomplete: str) -> Iterable[str]:
    """`KIND NAME...` or `KIND/NAME...`."""
    before = ctx.params.get("words") or ()
    session = _session(ctx)
    kind, slash, _ = incomplete.partition("/")
    if slash:
        return (f"{kind}/{name}" for name in _names(session, kind))
    if not before:
        return kinds(ctx, incomplete)
    return () if "/" in before[0] else _names(session, before[0])


def _names(session: "Session", word: str) -> Iterable[str]:
    from federation.client.objects import Selection  # noqa: PLC0415

    kind = session.kinds.find(word)
    found = session.objects.list(Selection(kind, session.within(kind)))
    return (item["metadata"]["name"] for item in found["items"])


def _session(ctx: click.Context) -> "Session":
    from federation.cli.objects.session import open_session  # noqa: PLC0415

    return open_session(_config(ctx), ctx.params.get("namespace") or "")


def _config(ctx: click.Context) -> Path | None:
    named = ctx.params.get("config")
    return Path(named) if named else None


_EVERYWHERE: dict[str, Complete] = {
    "cluster": objects_of("clusters"),
    "context": contexts,
    "kind": kinds,
    "namespace": objects_of("namespaces"),
    "words": words,
}
_OF_GROUPS: dict[tuple[str, str], Complete] = {
    ("context_", "name"): contexts,
    ("user_", "user"): objects_of("users"),
}
