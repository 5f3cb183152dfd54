"""Envoy as far as discovery goes: clusters and listeners by wildcard, the rest by name."""

from federation.envoy.on_demand import asked_name
from federation.model.types import CLUSTER, ENDPOINTS, LISTENER, ROUTE, SECRET, VIRTUAL_HOST
from federation.supervisor.feeding import Feeding
from federation.xds.messages import Request, Response
from federation.xds.resources import resource

Has = dict[str, dict[str, bytes]]
"""Bodies by type and name."""

_NAMED = {ROUTE: ("outbound",), SECRET: ("identity", "clusterset")}


class FakeEnvoy:
    """Takes everything it is sent; `has` holds the bodies by type and name.

    An Envoy that `has` something goes on with that. `told` are
    the names that it was sent or that were taken away (with a `-`), in this order, but for
    endpoints. Clusters that are `warming` are not acknowledged before `warm`, as with Envoy.
    """

    def __init__(self, sender: Feeding, has: Has | None = None) -> None:
        self._sender = sender
        self.has: Has = {t: dict(held) for t, held in (has or {}).items()}
        self.told: list[str] = []
        self.warming = False
        self._unanswered: list[Request] = []
        for type_url in (CLUSTER, LISTENER, VIRTUAL_HOST):
            asked = tuple(self.has.get(type_url, ())) if type_url == VIRTUAL_HOST else ()
            self._begin(type_url, ("*", *asked))
        for type_url, names in _NAMED.items():
            self._begin(type_url, names)

    def _begin(self, type_url: str, names: tuple[str, ...]) -> None:
        held = self.has.get(type_url, {})
        versions = {name: resource(name, body).version for name, body in held.items()}
        self.say(Request(type_url, "sidecar/x", names, initial_versions=versions))

    def say(self, request: Request) -> None:
        """Say something."""
        self._sender.receive(request, 0.0)

    def call(self, *hosts: str) -> None:
        """The application calls hosts for the first time."""
        self.say(Request(VIRTUAL_HOST, subscribe=tuple(map(asked_name, hosts))))

    def fetch(self) -> int:
        """Take all that the sender has to say now; returns how much that was."""
        count = 0
        while (response := self._sender.next_response(0.0)) is not None:
            self._take(response)
            count += 1
        return count

    def _take(self, response: Response) -> None:
        held = self.has.setdefault(response.type_url, {})
        held.update({r.name: r.body for r in response.resources if r.body})
        for name in response.removed:
            held.pop(name, None)
        if response.type_url != ENDPOINTS:
            self.told += [r.name if r.body else f"({r.name})" for r in response.resources]
            self.told += [f"-{name}" for name in response.removed]
        answer = Request(response.type_url, nonce=response.nonce)
        if response.type_url != CLUSTER:
            self.say(answer)
            return
        self._follow(response)
        self._unanswered.append(answer)
        if not self.warming:
            self.warm()

    def warm(self) -> None:
        """All clusters have what they wait for."""
        self.warming = False
        answers, self._unanswered = self._unanswered, []
        for answer in answers:
            self.say(answer)

    def _follow(self, response: Response) -> None:
        endpoints = self.has.setdefault(ENDPOINTS, {})
        new = tuple(r.name for r in response.resources if r.name.startswith(("out~", "far~")))
        self.say(Request(ENDPOINTS, subscribe=new, unsubscribe=response.removed))
        for name in response.removed:
            endpoints.pop(name, None)
