"""Turns over dirty services: a change only marks them, a turn handles each as a whole.

In: names of services that something concerns. Out: each is handled once, in slices, so that streams
stay alive while thousands of services load; what changed is handed on after each slice. One that
fails holds up no other: it stays dirty, and its error is raised at the end.
"""

import asyncio
from collections.abc import Callable, Set

from cluster_agent.snapshot.tables import Changed
from federation.model.names import ServiceName

SLICE_SECONDS = 0.02
"""A turn yields to the loop after this long."""


class Turns:
    """`needed` is set when there is something to do.

    `handle` takes one service and the loop time, `publish` what changed, `finish` the rest of it.
    """

    def __init__(
        self,
        needed: asyncio.Event,
        handle: Callable[[ServiceName, float], list[Changed]],
        publish: Callable[[list[Changed]], None],
        finish: Callable[[list[Changed]], None],
    ) -> None:
        self._needed = needed
        self._handle = handle
        self._publish = publish
        self._finish = finish
        self._dirty: set[ServiceName] = set()

    def mark(self, services: Set[ServiceName]) -> None:
        """Something concerns these services."""
        if services:
            self._dirty |= services
            self._needed.set()

    async def run(self) -> None:
        """Handle all services that are dirty now."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        changed: list[Changed] = []
        failed: dict[ServiceName, Exception] = {}
        while self._dirty:
            name = self._dirty.pop()
            try:
                changed += self._handle(name, loop.time())
            except Exception as error:  # noqa: BLE001 - raised when the others had their turn
                failed[name] = error
            if loop.time() - started > SLICE_SECONDS:
                self._publish(changed)
                changed = []
                await asyncio.sleep(0)
                started = loop.time()
        self._dirty |= failed.keys()
        self._finish(changed)
        for service, reason in failed.items():
            reason.add_note(f"while handling service {service}")
            raise reason
