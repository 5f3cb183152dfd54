"""Envoy as far as discovery goes: clusters and listeners by wildcard, the rest by name."""

from federation.model.types import CLUSTER, ENDPOINTS, LISTENER, ROUTE, SECRET
from federation.xds.messages import Request, Response
from federation.xds.sender import Sender

_NAMED = {ROUTE: ("outbound",), SECRET: ("identity", "clusterset")}


class FakeEnvoy:
    """Takes everything it is sent; `has` holds the bodies by type and name."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self.has: dict[str, dict[str, bytes]] = {}
        for type_url in (CLUSTER, LISTENER):
            sender.receive(Request(type_url, "sidecar/x"), 0.0)
        for type_url, names in _NAMED.items():
            sender.receive(Request(type_url, "sidecar/x", names), 0.0)

    def fetch(self) -> None:
        """Take all that the sender has to say now."""
        while (response := self._sender.next_response(0.0)) is not None:
            self._take(response)

    def _take(self, response: Response) -> None:
        held = self.has.setdefault(response.type_url, {})
        held.update({r.name: r.body for r in response.resources})
        for name in response.removed:
            held.pop(name, None)
        self._sender.receive(Request(response.type_url, nonce=response.nonce), 0.0)
        if response.type_url == CLUSTER:
            self._follow(response)

    def _follow(self, response: Response) -> None:
        endpoints = self.has.setdefault(ENDPOINTS, {})
        new = tuple(r.name for r in response.resources if r.name.startswith("out~"))
        self._sender.receive(Request(ENDPOINTS, subscribe=new, unsubscribe=response.removed), 0.0)
        for name in response.removed:
            endpoints.pop(name, None)
