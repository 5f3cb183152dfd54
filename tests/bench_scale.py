"""What a large mesh costs one gateway and one sidecar: `python -m tests.bench_scale [--out FILE]`.

Prints JSON, judges nothing. `--services`, `--clusters` and `--sidecars` say how large. What is
computed comes out of the code's own functions, what is measured from real Envoys on loopback
addresses. Percent are of one core and memory is MiB, unless a name says otherwise.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from federation.model.errors import FedmeshError
from tests.scale import gateways, sidecars
from tests.scale.computed import computed
from tests.scale.config import config
from tests.scale.running import WORKERS, Process, TooLate
from tests.scale.trust import Authority
from tests.scale.world import DOMAIN, Kind, Size, trust_domains

WINDOW_SECONDS = 20.0

LONGEST_SECONDS = 330.0
PART_SECONDS = 100.0
MOST_CONNECTIONS = 200
_FEW_SIDECARS = 5
"""A fifth of the sidecars is measured, too: it shows what grows."""

Part = Callable[[], Awaitable[dict[str, Any]]]


class Bench:
    """All that is measured, in a folder of its own; a part that fails leaves the others."""

    def __init__(self, folder: Path, size: Size, window: float) -> None:
        self._folder = folder
        self._size = size
        self._window = window
        self._authority = Authority(trust_domains(size), DOMAIN)
        self._ends = time.monotonic() + LONGEST_SECONDS

    async def run(self) -> dict[str, Any]:
        """One part after the other."""
        found: dict[str, Any] = {}
        size, most = self._size, 2 * self._size.clusters
        few = size.sidecars // _FEW_SIDECARS
        authority = self._authority
        async with gateways.remotes(self._made("remotes"), most, authority) as asked:
            found["gateway_checks_remote_gateways"] = [
                await self._checking(gateways.remote_checks(n), asked)
                for n in (0, size.clusters, most)
            ]
        async with gateways.workloads(self._made("workloads"), size.sidecars, authority) as asked:
            found["gateway_checks_own_workloads"] = [
                await self._checking(gateways.own_checks(n), asked) for n in (few, size.sidecars)
            ]
            found["sidecar_pings"] = await self._pings(asked)
        found["sidecar_memory"] = {kind: await self._memory(kind) for kind in Kind}
        return found

    async def _memory(self, kind: Kind) -> dict[str, Any]:
        folder = self._made(kind)
        return await self._part(
            f"memory of a sidecar, {kind}",
            lambda: sidecars.memory(folder, kind, self._size, self._authority),
        )

    async def _checking(self, checks: gateways.Checks, asked: Process) -> dict[str, Any]:
        folder, seconds = self._made(f"{checks.what}-{checks.count}"), self._window
        return await self._part(
            f"a gateway that checks {checks.count} {checks.what}",
            lambda: gateways.checking(folder, checks, self._authority, asked, seconds=seconds),
        )

    async def _pings(self, asked: Process) -> dict[str, Any]:
        folder, seconds = self._made("pings"), self._window
        connections = min(MOST_CONNECTIONS, self._size.sidecars)
        return await self._part(
            f"a sidecar with {connections} idle connections",
            lambda: sidecars.pings(
                folder, connections, self._authority, asked=asked, seconds=seconds
            ),
        )

    def _made(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir()
        return folder

    async def _part(self, what: str, measure: Part) -> dict[str, Any]:
        """One part; instead of figures the reason why there are none."""
        _say(what)
        seconds = min(PART_SECONDS, self._ends - time.monotonic())
        try:
            async with asyncio.timeout(seconds):
                return await measure()
        except TimeoutError:
            return {"not_measured": f"not done in {max(0.0, seconds):.0f} s"}
        except (TooLate, FedmeshError, OSError) as error:
            return {"not_measured": f"{type(error).__name__}: {error}"}


def measure(folder: Path, size: Size, window: float) -> dict[str, Any]:
    """All figures."""
    began = time.monotonic()
    _say("computed")
    found = {
        "size": {
            "services": size.services,
            "clusters": size.clusters,
            "sidecars": size.sidecars,
            "envoy_workers": WORKERS,
            "window_seconds": window,
            "cores": os.cpu_count(),
        },
        "computed": computed(size),
        "sidecar_config": config(size),
        "measured": asyncio.run(Bench(folder, size, window).run()),
    }
    return found | {"seconds": round(time.monotonic() - began)}


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def main() -> None:
    """Measure, print, and write to `--out`."""
    parser = argparse.ArgumentParser("python -m tests.bench_scale", description=__doc__)
    parser.add_argument("--out", type=Path, help="a file for the same JSON")
    parser.add_argument("--services", type=int, default=1000, help="imported by the sidecar")
    parser.add_argument("--clusters", type=int, default=100, help="at least 3")
    parser.add_argument("--sidecars", type=int, default=500, help="of the gateway's own cluster")
    parser.add_argument(
        "--seconds", type=float, default=WINDOW_SECONDS, help="over which CPU is measured"
    )
    said = parser.parse_args()
    size = Size(said.services, said.clusters, said.sidecars)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends its processes, too
    with tempfile.TemporaryDirectory(prefix="fm-", dir="/tmp") as folder:
        text = json.dumps(measure(Path(folder).resolve(), size, said.seconds), indent=1) + "\n"
    sys.stdout.write(text)
    if said.out is not None:
        said.out.write_text(text)


if __name__ == "__main__":
    main()
