"""An Envoy that is never to be misled: it checks each word that it hears."""

import re

from federation.envoy.on_demand import ROUTES, asked_host, asked_name
from federation.model.types import CLUSTER, ROUTE, VIRTUAL_HOST
from federation.supervisor.feeding import Feeding
from federation.xds.messages import Request, Response
from tests.unit.fakes.fake_envoy import FakeEnvoy, Has

BAD = b"bad"
"""A cluster that it refuses."""
ANY = "*"


def made_of(aggregate: str) -> set[str]:
    return {aggregate.replace("any~", "out~"), aggregate.replace("any~", "far~")}


def led_to(host: bytes) -> set[str]:
    return {name.decode() for name in re.findall(rb"<([a-z~]+)>", host)}


class StrictEnvoy(FakeEnvoy):
    """Checks what it is sent; asks for a host once, until its routes make it ask anew.

    `went` are the services that may have gone meanwhile; ANY is among them while aggregates are not
    known for such. It warms, and answers for virtual hosts, when it is told.
    """

    def __init__(self, sender: Feeding, has: Has | None, asked: set[str], went: set[str]) -> None:
        self.asked = asked
        self.went = went
        self.none: set[str] = set()
        self.taken = set((has or {}).get(CLUSTER, ()))
        self.refused: set[str] = set()
        self.warming = False
        super().__init__(sender, has)

    def _begin(self, type_url: str, names: tuple[str, ...]) -> None:
        asked = sorted(self.asked.difference(names)) if type_url == VIRTUAL_HOST else ()
        super()._begin(type_url, (*names, *asked))

    def call(self, *hosts: str) -> None:
        known = self.asked | self.has.get(VIRTUAL_HOST, {}).keys()
        new = [name for name in map(asked_name, hosts) if name not in known]
        if not self.has.get(ROUTE):
            return  # it has nothing yet that it could ask by
        self.asked.update(new)
        self.none -= set(new)
        if new:
            self.say(Request(VIRTUAL_HOST, subscribe=tuple(new)))

    def say(self, request: Request) -> None:
        if request.nonce and request.type_url == VIRTUAL_HOST and self.warming:
            self._unanswered.append(request)
        else:
            super().say(request)

    def hear(self) -> bool:
        response = self._sender.next_response(0.0)
        if response is not None:
            self._take(response)
        return response is not None

    def _take(self, response: Response) -> None:
        if response.type_url == CLUSTER:
            self._take_clusters(response)
            return
        routes = self.has.get(ROUTE, {}).get(ROUTES)
        super()._take(response)
        if response.type_url == VIRTUAL_HOST:
            self._check_hosts(response)
        if response.type_url == ROUTE and routes not in (None, self.has[ROUTE].get(ROUTES)):
            asked, self.asked, self.none = self.asked, set(), set()
            self.say(Request(VIRTUAL_HOST, unsubscribe=tuple(sorted(asked))))

    def _check_hosts(self, response: Response) -> None:
        self.none -= {found.name for found in response.resources}
        self.none |= {found.name for found in response.resources if not found.body}
        self.none |= set(response.removed)
        for found in response.resources:
            assert led_to(found.body) <= self.taken | self.refused, "it is told too early"
        for name in response.removed:
            assert str(asked_host(name)).split(".")[0] in self.went, "nobody withdrew it"

    def _take_clusters(self, response: Response) -> None:
        held = self.has.setdefault(CLUSTER, {})
        hosts = self.has.get(VIRTUAL_HOST, {}).values()
        named = {name for host in hosts for name in led_to(host)}
        gone = set(response.removed)
        assert not gone & named, "requests still go there"
        bad = [found.name for found in response.resources if found.body == BAD]
        good = [found for found in response.resources if found.body != BAD]
        for found in good:
            is_new = found.name.startswith("any~") and found.name not in held
            if is_new and ANY not in self.went:
                assert made_of(found.name) <= self.taken | self.refused, "members come before"
        held.update({found.name: found.body for found in good})
        for name in response.removed:
            held.pop(name, None)
        self.taken -= gone
        self.refused = (self.refused - gone - {found.name for found in good}) | set(bad)
        error = f"Error adding/updating cluster(s) {', '.join(bad)}: no" if bad else ""
        self._follow(response)
        self._unanswered.append(Request(CLUSTER, nonce=response.nonce, error=error))
        if not self.warming:
            self.warm()

    def warm(self) -> None:
        self.taken = set(self.has.get(CLUSTER, ()))
        super().warm()
