"""The sender to Envoy, with what is asked for on demand between its words.

In: what Envoy asks and answers. Out: responses. See `federation.wire.rpc.run_session.Sending`.
"""

from federation.supervisor.imports import Imports
from federation.xds.messages import Request, Response
from federation.xds.sender import Sender


class Feeding:
    """`sender` feeds Envoy from `imports`; an older stream of Envoy changes nothing in these.

    `is_waiting`: what is asked for comes when Envoy has taken what it needs, so any word of it may
    be what the next response waits for.
    """

    is_waiting = True

    def __init__(self, imports: Imports, sender: Sender) -> None:
        self._imports = imports
        self._sender = sender

    def receive(self, request: Request, now: float) -> None:
        """Envoy asks or answers."""
        if self._imports.feeds(self._sender):
            request = self._imports.hear(request)
        self._sender.receive(request, now)

    def next_response(self, now: float) -> Response | None:
        """The next response, None when there is nothing to say now."""
        while True:
            response = self._sender.next_response(now)
            if response is not None or not self._imports.feeds(self._sender):
                return response
            if not self._imports.settle():
                return None

    def due(self) -> float | None:
        """When to ask again though nothing happens; loop time in seconds."""
        return self._sender.due()
