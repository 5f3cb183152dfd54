"""A controller as a verb meets it: its objects, its kinds, and the namespace that is meant.

In: the configuration of fedctl. Out: a `Session`.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from federation.cli.objects.discovery_cache import DiscoveryCache, cache_folder
from federation.cli.objects.options import DEFAULT_NAMESPACE
from federation.cli.options import client_for
from federation.client.discovery import Kinds, ServedKind
from federation.client.objects import Cache, Objects, Place, Selection


@dataclass(slots=True)
class Session:
    """What a verb asks; `sleep` and `now` (in seconds, of any beginning) are the process's own."""

    objects: Objects
    cache: Cache
    sleep: Callable[[float], None]
    now: Callable[[], float]
    namespace: str = ""
    _kinds: Kinds | None = field(default=None, init=False)

    @property
    def kinds(self) -> Kinds:
        """The kinds of the controller, asked for once."""
        if self._kinds is None:
            self._kinds = self.objects.kinds(self.cache)
        return self._kinds

    def place(self, kind: ServedKind, name: str) -> Place:
        """The object of this name, in the namespace that is meant where its kind is in one."""
        return Place(kind, self.within(kind), name)

    def within(self, kind: ServedKind) -> str:
        """The namespace that is meant of a kind, "" where it is in none."""
        return (self.namespace or DEFAULT_NAMESPACE) if kind.namespaced else ""

    def one(self, place: Place) -> Selection:
        """The selection of one object."""
        return Selection(place.kind, place.namespace, fields=f"metadata.name={place.name}")


def open_session(config: Path | None, namespace: str = "") -> Session:
    """The session of this process; raises InvalidInput."""
    sleep, now = time.sleep, time.monotonic  # noqa: TID251 - the one place of the verbs
    objects = Objects(client_for(config), sleep)
    return Session(objects, DiscoveryCache(cache_folder(os.environ)), sleep, now, namespace)
