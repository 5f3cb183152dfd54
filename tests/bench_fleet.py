"""What the agents of many clusters cost one controller: `python -m tests.bench_fleet`.

A real controller, and light agents that have joined it (`tests.scale.fleet`). Three parts: all
connect and are told everything; all services change at once; and services change one after the
other, at a rate. `--beside DIR` measures the controller of another source tree in the same run.
Prints JSON, judges nothing. Percent are of one core, times are seconds if not said otherwise.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from federation.model.errors import FedmeshError
from federation.verify.guarantees import percentile
from federation.wire import codec
from tests.e2e.lone_controller import lone_controller
from tests.scale.fleet import Fleet, LightAgent, folder_in, joined, service_name, wait_for
from tests.scale.running import Process, TooLate

_HOST = "127.76.0.1"
Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Size:
    """How many services there are, how many change in a second, and for how long that goes on.

    For `patience` seconds agents are waited for that shall come to know something.
    """

    services: int
    changes: float
    seconds: float
    patience: float


async def measure(folder: Path, source: Path | None, clusters: int, size: Size) -> Figures:
    """All figures of one controller."""
    with lone_controller(folder) as controller:
        controller.host, controller.source = _HOST, source
        await asyncio.to_thread(controller.start)
        assert controller.process is not None
        process = Process(controller.process.pid, folder)
        fleet = await joined(controller, clusters)
        fleet.export(size.services)
        found: Figures = {}
        async with fleet.running(LightAgent.report) as check:
            reported = lambda: all(a.has_reported() for a in fleet.agents)  # noqa: E731
            began = process.cpu_seconds()
            found["reported"] = round(
                await wait_for("all is reported", size.patience, reported, check), 2
            )
            found["reported_cpu"] = round(process.cpu_seconds() - began, 2)
            await asyncio.sleep(1.0)
            async with fleet.running(LightAgent.follow) as check_facts:
                found["connect"] = await _connect(fleet, process, size, check_facts)
                found["all_change"] = await _all_change(fleet, process, size, check_facts)
                await asyncio.sleep(1.0)
                found["changes"] = await _changes(fleet, process, size)
                found["memory"] = process.memory()["rss"]
        return found


async def _connect(fleet: Fleet, process: Process, size: Size, check: Any) -> Figures:
    """All agents connect at once and know nothing."""
    wanted = {codec.SERVICE: size.services, codec.BACKEND: size.services}

    def all_know() -> bool:
        return all(wanted.items() <= agent.complete.items() for agent in fleet.agents)

    return await _told(fleet, process, all_know, size.patience, check)


async def _all_change(fleet: Fleet, process: Process, size: Size, check: Any) -> Figures:
    """Every service has another count at once."""
    before = {agent.cluster: agent.counts[codec.BACKEND] for agent in fleet.agents}
    for number in range(size.services):
        fleet.agent_of(number).set_ready(service_name(number), 2)

    def all_know() -> bool:
        return all(
            agent.counts[codec.BACKEND] >= before[agent.cluster] + size.services
            for agent in fleet.agents
        )

    return await _told(fleet, process, all_know, size.patience, check)


async def _told(fleet: Fleet, process: Process, holds: Any, patience: float, check: Any) -> Figures:
    cpu, count = process.cpu_seconds(), fleet.resources()
    try:
        took = await wait_for("all agents know", patience, holds, check)
    except TooLate:
        took = float("nan")
    cpu, count = process.cpu_seconds() - cpu, fleet.resources() - count
    return {
        "seconds": round(took, 2) if took == took else "not in time",  # noqa: PLR0124
        "resources": count,
        "cpu_microseconds_each": round(cpu / max(1, count) * 1e6, 2),
    }


async def _changes(fleet: Fleet, process: Process, size: Size) -> Figures:
    """Services change one after the other; how late each agent has heard of it."""
    reported, late = fleet.awaited.reported, fleet.awaited.seconds
    late.clear()
    messages = fleet.messages()
    count = int(size.changes * size.seconds)
    began, cpu, own = time.monotonic(), process.cpu_seconds(), time.process_time()
    for number in range(count):
        await asyncio.sleep(max(0.0, began + number / size.changes - time.monotonic()))
        service = number * 7 % size.services
        version = fleet.agent_of(service).set_ready(service_name(service), 3 + number // 7)
        reported[version] = time.monotonic()
    took = time.monotonic() - began
    cpu, own = process.cpu_seconds() - cpu, time.process_time() - own
    await asyncio.sleep(2.0)
    reported.clear()
    return {
        "changes": count,
        "deliveries": len(late),
        "messages": fleet.messages() - messages,
        "missing": count * len(fleet.agents) - len(late),
        "cpu_percent": round(100 * cpu / took, 1),
        "cpu_percent_of_the_agents": round(100 * own / took, 1),
        "cpu_microseconds_each": round(cpu / max(1, len(late)) * 1e6, 1),
        "milliseconds": {
            "p50": _milliseconds(statistics.median(late)) if late else None,
            "p99": _milliseconds(percentile(late, 99)) if late else None,
            "max": _milliseconds(max(late)) if late else None,
        },
    }


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)


async def measure_all(
    folder: Path, sources: dict[str, Path | None], fleets: Iterable[int], size: Size
) -> Figures:
    """All sizes of fleets, each with all controllers one after the other."""
    found: Figures = {}
    for clusters in fleets:
        for name, source in sources.items():
            label = f"{name}, {clusters} clusters"
            sys.stderr.write(f"{label}\n")
            try:
                found[label] = await measure(
                    folder_in(folder, f"{name}-{clusters}"), source, clusters, size
                )
            except (TooLate, FedmeshError, OSError) as error:
                found[label] = {"not_measured": f"{type(error).__name__}: {error}"}
            sys.stderr.write(f"{json.dumps(found[label])}\n")
    return found


def main() -> None:
    """Measure, print, and write to `--out`."""
    parser = argparse.ArgumentParser("python -m tests.bench_fleet", description=__doc__)
    parser.add_argument("--out", type=Path, help="a file for the same JSON")
    parser.add_argument("--beside", type=Path, help="a source tree whose controller is measured")
    parser.add_argument("--clusters", default="10,100", help="sizes of fleets")
    parser.add_argument("--services", type=int, default=10_000, help="in all")
    parser.add_argument("--changes", type=float, default=50.0, help="a second")
    parser.add_argument("--seconds", type=float, default=20.0, help="of changes")
    parser.add_argument("--patience", type=float, default=60.0, help="seconds, until all know all")
    said = parser.parse_args()
    size = Size(said.services, said.changes, said.seconds, said.patience)
    sources = {"ours": None, **({"beside": said.beside} if said.beside else {})}
    fleets = [int(n) for n in said.clusters.split(",")]
    with tempfile.TemporaryDirectory(prefix="fm-", dir="/tmp") as folder:
        found = uvloop.run(measure_all(Path(folder).resolve(), sources, fleets, size))
    text = json.dumps(found, indent=1) + "\n"
    sys.stdout.write(text)
    if said.out is not None:
        said.out.write_text(text)


if __name__ == "__main__":
    main()
