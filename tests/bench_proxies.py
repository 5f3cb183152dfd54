"""Measures what the list of proxies costs: `python -m tests.bench_proxies`. Prints JSON.

The agent's list, the controller's judgement and the objects it shows, fed with 10,000 sidecars in
one process without a network. Bytes are counted, memory is what tracemalloc says, times are seconds
of CPU. Judges nothing.
"""

import asyncio
import gc
import json
import sys
import time
import tracemalloc
from dataclasses import replace
from typing import Any

from cluster_agent.report.known_proxies import AT_ONCE, CERTIFICATE_SECONDS, KnownProxies
from federation.api.rows.core import EVENT
from federation.api.rows.own import PROXY
from federation.apiserver.collection import Collection, Revisions
from federation.controller.facts.hub import Hub
from federation.controller.facts.registry import Registry
from federation.controller.member import Member
from federation.controller.objects.events import Events
from federation.controller.objects.proxies import MOST, ShownProxies
from federation.model.names import ClusterId
from federation.model.proxies import Kind, Nack, Proxy, State
from federation.wire import codec
from federation.wire.codec.known_proxies import MAX_PROXIES
from federation.wire.rpc import methods
from federation.xds.messages import Request
from federation.xds.sender import Sender
from federation.xds.snapshot import Table

EAST = ClusterId("east")
SIDECAR = Proxy(
    "",
    Kind.SIDECAR,
    State.SERVING,
    "10.0.0.1",
    15006,
    version="0.1.0",
    certificate_ends=1_800_000_000,
)


class World:
    """An agent's list and a controller, with what goes from the one to the other."""

    def __init__(self) -> None:
        self.table = Table()
        self.known = KnownProxies(self.table)
        self.sender = Sender(self.table, codec.REPORT_RULES)
        self.hub = Hub(Registry())
        self.hub.set_member(Member(EAST, "east.mesh.test", "eu", anchors=("PEM",)))
        revisions = Revisions(1)
        self.objects = Collection(PROXY, revisions)
        events = Events(Collection(EVENT, revisions))
        self.shown = ShownProxies(self.hub.registry.proxies, self.objects, events)
        for request in self.hub.receiver(EAST).open():
            self.sender.receive(request, 0.0)
        self.now = 0.0

    def say(self, proxies: list[Proxy]) -> dict[str, Any]:
        """What it costs that these say something, until all of it is shown."""
        cost: dict[str, Any] = {"bytes": 0, "messages": 0, "turns": 0}
        started = time.process_time()
        for proxy in proxies:
            self.known.record(proxy)
        agent = time.process_time() - started
        controller, began = 0.0, self.now
        while True:
            self.now += 1.0
            started = time.process_time()
            names = self.known.turn(self.now, lambda _: True, lambda _: 3_600.0)
            for name in names:
                self.sender.touch(codec.KNOWN_PROXY, name)
            self.known.settle(self.now)
            agent += time.process_time() - started
            cost["turns"] += bool(names)
            controller += self._send(cost)
            if not names and self.now > began + CERTIFICATE_SECONDS + 1:
                break
        cost["agent_cpu"], cost["controller_cpu"] = round(agent, 3), round(controller, 3)
        started = time.process_time()
        looks = 0
        while self.hub.registry.proxies.to_show:
            asyncio.run(self.shown.look(self.now))
            looks += 1
        cost["shown_cpu"] = round(time.process_time() - started, 3)
        cost["looks"] = looks
        cost["bytes_each"] = round(cost["bytes"] / len(proxies), 1)
        return cost

    def _send(self, cost: dict[str, Any]) -> float:
        controller = 0.0
        while (response := self.sender.next_response(self.now)) is not None:
            body = methods.REPORTS.encode_call(response)
            cost["bytes"] += len(body)
            cost["messages"] += 1
            started = time.process_time()
            received = self.hub.receiver(EAST).receive(response)
            self.hub.apply(EAST, received, self.now)
            controller += time.process_time() - started
            reply: Request = received.reply
            self.sender.receive(reply, self.now)
        return controller


def measure() -> dict[str, Any]:
    """All figures."""
    sidecars = [replace(SIDECAR, id=f"shop/api-7d9c5b8f6d-{n:05}") for n in range(MAX_PROXIES)]
    world = World()
    gc.collect()
    tracemalloc.start()
    world.say(sidecars)
    gc.collect()
    memory, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    world = World()
    found: dict[str, Any] = {
        "proxies": MAX_PROXIES,
        "told_in_a_turn": AT_ONCE,
        "made_in_a_look": MOST,
    }
    found["all_come"] = world.say(sidecars)
    found["all_come_back_as_they_were"] = world.say(sidecars)
    found["all_have_another_certificate"] = world.say(
        [replace(s, certificate_ends=s.certificate_ends + 1_800) for s in sidecars]
    )
    bad = (Nack("type.googleapis.com/envoy.config.cluster.v3.Cluster", "80.api.shop", "x" * 300),)
    found["all_refuse_something"] = world.say([replace(s, refused=bad * 5) for s in sidecars])
    found["memory_each_all_parts"] = round(memory / MAX_PROXIES)
    shown = world.objects.listed()[0].object
    found["object_json"] = len(json.dumps({**shown, "status": {**shown["status"], "refused": []}}))
    return found


if __name__ == "__main__":
    json.dump(measure(), sys.stdout, indent=2)
    print()
