"""Measures a demo of its own: `python -m tests.bench [--out FILE]`. Prints JSON, judges nothing.

Times are seconds, memory is MiB. An edit is a first export of a service: from the moment its file
is in place until another cluster's client gets an answer.
"""

import argparse
import json
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from federation.demo import mesh as demo
from federation.demo import topology
from federation.demo.layout import Role, plan_layout
from federation.demo.scenarios.tour import run_tour
from federation.runtime.files import write_atomic
from federation.verify import guarantees
from tests.e2e.documents import api_workload, exports, service, text_of
from tests.e2e.rig import NETWORK, Mesh, pause

EDITS = 30
PATIENCE_SECONDS = 10.0
_HERE, _THERE = "us-east", "eu-west"
_FIELD = re.compile(r"^(Rss|Pss):\s+(\d+) kB", re.MULTILINE)


def measure(state: Path) -> dict[str, Any]:
    """All figures of one demo, which is taken down again."""
    layout = plan_layout(NETWORK)
    started = demo.up(state, layout, _say)
    try:
        mesh = Mesh(state)
        pause(3.0)
        found: dict[str, Any] = {"start_seconds": round(started, 2), "memory": memory(mesh)}
        _say("edits, idle")
        found["edits_idle"] = edits(mesh, "idle")
        _say("edits, under load")
        with mesh.traffic(_THERE, state) as load:
            found["edits_under_load"] = edits(mesh, "load")
        found["edits_under_load"]["requests"] = len(load.over.records)
        found["edits_under_load"]["failed"] = len(guarantees.failures(load.over.records))
        pause(1.0)
        _say("the tour")
        report = asdict(run_tour(state, layout, _say))
        found["tour"] = {k: report[k] for k in ("phases", "shifted", "returned", "lag", "broken")}
        found["memory_afterwards"] = memory(mesh)
        return found
    finally:
        demo.down(state)


def edits(mesh: Mesh, prefix: str) -> dict[str, Any]:
    """Export services one after the other, then withdraw them; how long each took to be seen."""
    names = [f"{prefix}-{i}" for i in range(EDITS)]
    workload = api_workload(mesh.layout, _HERE)
    folder = mesh.source(_HERE)
    services, exported = folder / f"{prefix}.yaml", folder / f"{prefix}-exports.yaml"
    text = text_of(*(d for name in names for d in service(name, workload)))
    write_atomic(services, text.encode())
    pause(1.0)
    statuses: Counter[str] = Counter()
    came = [
        _edit(mesh, exported, names[: i + 1], name, 200, statuses) for i, name in enumerate(names)
    ]
    went = [
        _edit(mesh, exported, names[i + 1 :], name, 404, statuses) for i, name in enumerate(names)
    ]
    exported.unlink()
    services.unlink()
    return {
        "export": _figures(came),
        "withdrawal": _figures(went),
        "statuses": dict(sorted(statuses.items())),
    }


def _edit(  # noqa: PLR0917 - one edit is all of this
    mesh: Mesh, file: Path, names: list[str], name: str, wanted: int, statuses: Counter[str]
) -> float:
    """One edit; NaN when it was not followed in time. `statuses` counts what came on the way."""
    began = time.monotonic()
    write_atomic(file, (exports(*names) if names else "# none\n").encode())
    while True:
        status, _ = mesh.answer(_THERE, name)
        took = time.monotonic() - began
        statuses[f"{status} until {wanted}"] += 1
        if status == wanted:
            break
        if took > PATIENCE_SECONDS:
            return float("nan")
        pause(0.002)
    pause(0.2)
    return took


def _figures(values: list[float]) -> dict[str, Any]:
    good = [v for v in values if v == v]  # noqa: PLR0124 - NaN is not itself
    return {
        "count": len(values),
        "late": len(values) - len(good),
        "first": round(values[0], 4),
        "p50": round(guarantees.percentile(good, 50), 4),
        "p95": round(guarantees.percentile(good, 95), 4),
        "max": round(max(good, default=0.0), 4),
    }


def memory(mesh: Mesh) -> dict[str, Any]:
    """Resident and proportional memory of each kind of process."""
    by_kind: dict[str, list[int]] = {}
    for process in topology.refresh(mesh.state)["processes"]:
        kind = process["role"]
        if kind in (Role.GATEWAY, Role.SIDECAR):
            by_kind.setdefault(f"{kind} envoy", []).append(process["envoy_pid"])
            kind = f"{kind} supervisor"
        by_kind.setdefault(kind, []).append(process["pid"])
    return {kind: _memory_of(pids) for kind, pids in sorted(by_kind.items())}


def _memory_of(pids: Iterable[int]) -> dict[str, Any]:
    found: dict[str, list[float]] = {"Rss": [], "Pss": []}
    for pid in pids:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        for name, size in _FIELD.findall(text):
            found[name].append(int(size) / 1024)
    return {
        name.lower(): {"mean": round(statistics.mean(v), 1), "max": round(max(v), 1)}
        for name, v in found.items()
    }


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def main() -> None:
    """Measure, print, and write to `--out`."""
    parser = argparse.ArgumentParser("python -m tests.bench", description=__doc__)
    parser.add_argument("--out", type=Path, help="a file for the same JSON")
    said = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fm-", dir="/tmp") as folder:
        text = json.dumps(measure(Path(folder).resolve() / "d"), indent=1, sort_keys=True) + "\n"
    sys.stdout.write(text)
    if said.out is not None:
        said.out.write_text(text)


if __name__ == "__main__":
    main()
