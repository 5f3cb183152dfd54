"""What imports on demand cost beside all at once: `python -m tests.bench_on_demand [--out FILE]`.

Prints JSON, judges nothing. On demand: a real Envoy behind a real supervisor's relay, fed from an
agent's own tables of `--services`. Eager: the same, fed with everything as sidecars were before,
with one table of all routes, whose message ends at 8 MiB: so with at most `--eager` services. Each
is in processes of its own, Envoy has one worker, and calls go to one more Envoy by mutual TLS.
Memory is MiB.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from cluster_agent.main import PROXY_RULES
from federation.envoy.build import domains_of
from sidecar.outbound import compile_outbound
from tests.eager import eager_routes
from tests.scale import one_more
from tests.scale.demand_agent import Agent
from tests.scale.demand_live import IDLE_SECONDS, Running, Sidecar, first_calls, turns
from tests.scale.demand_world import called, eager_listeners, hosts_of, plan_of
from tests.scale.running import Feed
from tests.scale.trust import Authority
from tests.scale.world import DOMAIN, Size, trust_domains

SIDECARS, FEW_SIDECARS = 200, 20
FIRST_CALLS = 200
STARTS = 5
WARM, ROUNDS, TIMES = 5, 30, 300
"""Services that are called in turns, how often, and how often each in a turn."""
MORE, MORE_PAUSE = 20, 0.25
CLUSTERS = 100
"""In the clusterset: each has an anchor that every Envoy holds."""
_ON_DEMAND, _EAGER = "127.74.0.11", "127.74.0.12"


class Bench:
    """One run in a folder of its own."""

    def __init__(self, folder: Path, said: argparse.Namespace) -> None:
        self._folder = folder
        self._services, self._eager, self._called = said.services, said.eager, said.called
        self.authority = Authority(trust_domains(Size(0, CLUSTERS, 0)), DOMAIN)
        self._agent = Agent(self._services, self.authority, _ON_DEMAND)
        self._hosts = hosts_of(range(self._eager))
        self._feed = self._everything()

    async def run(self) -> dict[str, Any]:
        """All that is measured of processes that run."""
        few, all_ = range(self._called), range(self._called + FIRST_CALLS)
        others = self._folder / "others"
        others.mkdir()
        async with called(others, all_, self.authority):
            on_demand = self._sidecar("on-demand", self._agent)
            found: dict[str, Any] = {"on_demand": await self._alone(on_demand, few)}
            eager = self._sidecar("eager", self._feed, _EAGER)
            found["eager"] = await self._all(eager, few)
            async with AsyncExitStack() as stack:
                beside = {
                    "on_demand": await stack.enter_async_context(on_demand.running()),
                    "eager": await stack.enter_async_context(eager.running()),
                }
                found |= await self._both(beside, few)
        return found

    def _sidecar(self, name: str, feed: Agent | Feed, outbound: str = _ON_DEMAND) -> Sidecar:
        return Sidecar(self._folder / name, feed, outbound, self.authority)

    async def _alone(self, sidecar: Sidecar, few: range) -> dict[str, Any]:
        """Before anything is called, and when a few services were."""
        _say("on demand")
        starts_empty = await sidecar.starts(STARTS)
        async with sidecar.running() as running:
            empty = await running.memory()
            await running.call(few)
            full = await running.memory()
        starts_called = await sidecar.starts(STARTS)
        async with sidecar.running() as running:
            again = await running.memory()
        return {
            "services": self._services,
            "memory_nothing_called": empty,
            "memory_called": full,
            "memory_called_after_restart": again,
            "start_nothing_called": starts_empty,
            "start_called": starts_called,
        }

    async def _all(self, sidecar: Sidecar, few: range) -> dict[str, Any]:
        """With everything, a few of which are called."""
        _say("eager")
        async with sidecar.running() as running:
            await running.call(few)
            full = await running.memory()
        return {
            "services": self._eager,
            "memory": full,
            "start": await sidecar.starts(STARTS),
        }

    async def _both(self, beside: dict[str, Running], few: range) -> dict[str, Any]:
        """Side by side, in turns."""
        news = range(few.stop, few.stop + FIRST_CALLS)
        _say("first calls")
        found: dict[str, Any] = {
            "first_calls": {name: await first_calls(one, news) for name, one in beside.items()}
        }
        _say("warm calls")
        found["warm_calls"] = await turns(beside, few[:WARM], ROUNDS, TIMES)
        await asyncio.sleep(IDLE_SECONDS)
        _say("one more service")
        found["one_more_service"] = {
            "on_demand": await _more(beside["on_demand"], self._agent.add, self._services),
            "eager": await _more(beside["eager"], self._put, self._eager),
        }
        return found

    def _everything(self) -> Feed:
        """What a sidecar was fed with before."""
        plans = [plan_of(number) for number in range(self._eager)]
        only = map(self.authority.only, {domains_of(plan.identities) for plan in plans})
        feed = Feed(PROXY_RULES, marks=True)
        feed.put([self.authority.trusted(), *only, *eager_listeners(_EAGER)])
        feed.put(found for plan in plans for found in compile_outbound(plan))
        feed.put([eager_routes(self._hosts)])
        return feed

    def _put(self, number: int) -> None:
        """One more service among everything."""
        self._hosts += hosts_of(range(number, number + 1))
        self._feed.put((*compile_outbound(plan_of(number)), eager_routes(self._hosts)))


async def _more(running: Running, add: Callable[[int], None], services: int) -> dict[str, Any]:
    """CPU of both processes for each of some new services, less what they use in as much time."""
    processes = {"envoy": running.proxy, "relay": running.supervisor}

    async def used(act: Callable[[int], None]) -> dict[str, float]:
        before = {name: one.cpu_seconds() for name, one in processes.items()}
        for number in range(MORE):
            act(number)
            await asyncio.sleep(MORE_PAUSE)
        await asyncio.sleep(10 * MORE_PAUSE)
        return {name: one.cpu_seconds() - before[name] for name, one in processes.items()}

    idle = await used(lambda _: None)
    busy = await used(lambda number: add(services + number))
    return {
        f"{name}_cpu_ms_each": {
            "busy": round(1000 * busy[name] / MORE, 2),
            "idle": round(1000 * idle[name] / MORE, 2),
        }
        for name in processes
    }


def measure(folder: Path, said: argparse.Namespace) -> dict[str, Any]:
    """All figures."""
    began = time.monotonic()
    bench = Bench(folder, said)
    found: dict[str, Any] = {
        "size": {
            "services": said.services,
            "called": said.called,
            "eager_services": said.eager,
            "clusters": CLUSTERS,
            "cores": os.cpu_count(),
        }
    }
    found |= asyncio.run(bench.run())
    _say("the agent's senders")
    found["agent"] = {
        "on_demand": one_more.on_demand(said.services, SIDECARS, said.called, bench.authority),
        "eager": one_more.eager(said.eager, FEW_SIDECARS, bench.authority),
    }
    return found | {"seconds": round(time.monotonic() - began)}


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def main() -> None:
    """Measure, print, and write to `--out`."""
    parser = argparse.ArgumentParser("python -m tests.bench_on_demand", description=__doc__)
    parser.add_argument("--out", type=Path, help="a file for the same JSON")
    parser.add_argument("--services", type=int, default=10_000, help="in the mesh, on demand")
    parser.add_argument("--called", type=int, default=20, help="of these by the one sidecar")
    parser.add_argument("--eager", type=int, default=2_000, help="in the mesh, all at once")
    said = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends its processes, too
    with tempfile.TemporaryDirectory(prefix="fm-", dir="/tmp") as folder:
        text = json.dumps(measure(Path(folder).resolve(), said), indent=1) + "\n"
    sys.stdout.write(text)
    if said.out is not None:
        said.out.write_text(text)


if __name__ == "__main__":
    main()
