"""Measures the DNS server beside NSD: `python -m tests.bench_dns [--out FILE]`. Prints JSON.

Both serve the same zones of 10,000 services, one process each, and are asked in turns by dnsperf
within one run. Rates are queries per second, times milliseconds, memory MiB. Judges nothing. Needs
Debian's nsd and dnsperf.
"""

import argparse
import contextlib
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from cluster_agent.dns.protocol import Zones
from cluster_agent.dns.table import Table
from cluster_agent.dns.zone import service_records
from federation.model.names import CLUSTERSET_ZONE
from federation.model.zones import STEERING_ZONE
from federation.verify.guarantees import percentile
from tests.dns.zones import questions, service_names, write_held, zone_file
from tests.e2e.rig import pause

SERVICES = 10_000
ROUNDS = 5
SECONDS = 5
OURS, THEIRS = "127.80.0.53", "127.80.0.54"
PORT = 15053
_RATE = re.compile(r"Queries per second:\s+([\d.]+)")
_LOST = re.compile(r"Queries lost:\s+(\d+)")
_LATENCY = re.compile(r"^> \w+ \S+ \w+ ([\d.]+)", re.MULTILINE)
_RSS = re.compile(r"^VmRSS:\s+(\d+) kB", re.MULTILINE)


def measure(folder: Path) -> dict[str, Any]:
    """All figures."""
    asked = folder / "questions"
    rng = random.Random(5)
    asked.write_text("".join(f"{n} {t}\n" for n, t in questions(SERVICES, 200_000, rng)))
    with _fedmesh(folder) as ours, _nsd(folder) as theirs:
        rates: dict[str, list[float]] = {"fedmesh": [], "nsd": []}
        cost: dict[str, list[float]] = {"fedmesh": [], "nsd": []}
        for _ in range(ROUNDS):
            for name, address, pids in (("fedmesh", OURS, ours), ("nsd", THEIRS, theirs)):
                before = _cpu(pids())
                rate, text = _perf(address, asked, "-q", "100")
                rates[name].append(rate)
                cost[name].append((_cpu(pids()) - before) / max(1.0, rate * SECONDS) * 1e6)
                _check_lost(text)
        half = min(map(statistics.median, rates.values())) / 2
        latencies = {
            name: _latency(address, asked, half)
            for name, address in (("fedmesh", OURS), ("nsd", THEIRS))
        }
        ratios = [a / b for a, b in zip(rates["fedmesh"], rates["nsd"], strict=True)]
        return {
            "services": SERVICES,
            "rate": {name: round(statistics.median(found)) for name, found in rates.items()},
            "ratio_of_rates": round(statistics.median(ratios), 3),
            "ratios": [round(r, 3) for r in ratios],
            "cpu_microseconds_per_query": {
                name: round(statistics.median(found), 1) for name, found in cost.items()
            },
            "at_half_the_rate": {"rate": round(half), **latencies},
            "memory": {"fedmesh": _memory(ours()), "nsd": _memory(theirs())},
            "rebuild_of_one_service": rebuild(),
        }


def rebuild() -> dict[str, float]:
    """How long one changed service takes in a table of all (milliseconds)."""
    zones = Zones(CLUSTERSET_ZONE, STEERING_ZONE)
    table = Table(zones)
    for names in map(service_names, range(SERVICES)):
        table.set(str(names.service), service_records(names, zones))
    took = []
    for number in range(1_000):
        names = service_names(number * 7 % SERVICES)
        began = time.perf_counter()
        table.set(str(names.service), service_records(names, zones))
        took.append((time.perf_counter() - began) * 1e3)
    return {"p50": round(percentile(took, 50), 3), "p99": round(percentile(took, 99), 3)}


@contextlib.contextmanager
def _fedmesh(folder: Path) -> Iterator[Callable[[], list[int]]]:
    state = folder / "state"
    write_held(state, SERVICES)
    config = folder / "dns.yaml"
    settings = {
        "listen": f"{OURS}:{PORT}",
        "agent": "127.80.0.2:15012",
        "trust_file": str(folder / "trust.pem"),
        "token_file": str(folder / "token"),
        "state": str(state),
        "source_limits": [{"network": "127.0.0.0/8", "per_second": 1_000_000}],
    }
    config.write_text(yaml.safe_dump(settings))
    command = [sys.executable, "-m", "cluster_agent.dns.main", "--config", str(config)]
    with _running(command, folder / "dns.log", OURS) as process:
        yield lambda: [process.pid]


@contextlib.contextmanager
def _nsd(folder: Path) -> Iterator[Callable[[], list[int]]]:
    home = folder / "nsd"
    home.mkdir()
    for zone in (CLUSTERSET_ZONE, STEERING_ZONE):
        (home / zone).write_text("\n".join(zone_file(zone, SERVICES)) + "\n")
    zones = "".join(
        f'zone:\n  name: "{zone}"\n  zonefile: "{home}/{zone}"\n'
        for zone in (CLUSTERSET_ZONE, STEERING_ZONE)
    )
    config = home / "nsd.conf"
    config.write_text(
        f"""server:
  ip-address: {THEIRS}@{PORT}
  server-count: 1
  username: ""
  chroot: ""
  database: ""
  zonelistfile: "{home}/zone.list"
  pidfile: "{home}/nsd.pid"
  xfrdfile: "{home}/xfrd.state"
  xfrdir: "{home}"
  logfile: "{home}/nsd.log"
  cookie-secret-file: ""
  rrl-ratelimit: 0
remote-control:
  control-enable: no
{zones}"""
    )
    nsd = shutil.which("nsd") or "/usr/sbin/nsd"
    with _running([nsd, "-d", "-c", str(config)], home / "log", THEIRS) as process:
        yield lambda: _family(process.pid)


@contextlib.contextmanager
def _running(command: list[str], log: Path, address: str) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as sink, subprocess.Popen(command, stdout=sink, stderr=sink) as process:
        try:
            _wait_until_it_answers(address, process, log)
            yield process
        finally:
            process.terminate()
            process.wait(15)


def _wait_until_it_answers(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    name = f"service-1.team-0.svc.{CLUSTERSET_ZONE}"
    command = ["dig", f"@{address}", "-p", str(PORT), "+short", "+tries=1", "+time=1", name]
    for _ in range(60):
        if process.poll() is not None:
            sys.exit(f"{command[0]} ended: {log.read_text()}")
        if subprocess.run(command, capture_output=True, check=False).stdout.startswith(b"10."):
            return
        pause(0.5)
    sys.exit(f"no answer at {address}: {log.read_text()}")


def _perf(address: str, asked: Path, *more: str) -> tuple[float, str]:
    command = ["dnsperf", "-s", address, "-p", str(PORT), "-d", str(asked), "-e", *more]
    done = subprocess.run(
        [*command, "-l", str(SECONDS)], capture_output=True, text=True, check=True
    )
    found = _RATE.search(done.stdout)
    if found is None:
        sys.exit(done.stdout)
    return float(found[1]), done.stdout


def _latency(address: str, asked: Path, rate: float) -> dict[str, float]:
    _, text = _perf(address, asked, "-Q", str(int(rate)), "-v")
    _check_lost(text)
    found = [float(seconds) * 1e3 for seconds in _LATENCY.findall(text)]
    return {"p50": round(percentile(found, 50), 3), "p99": round(percentile(found, 99), 3)}


def _check_lost(text: str) -> None:
    lost = _LOST.search(text)
    if lost is None or int(lost[1]) > 0:
        sys.stderr.write(f"lost: {lost[1] if lost else '?'}\n")


def _family(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += _family(int(child))
    return found


def _cpu(pids: list[int]) -> float:
    """Seconds of processor time that these have used."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _memory(pids: list[int]) -> float:
    found = (_RSS.search(Path(f"/proc/{pid}/status").read_text()) for pid in pids)
    return round(sum(int(f[1]) for f in found if f) / 1024, 1)


def main() -> None:
    """Measure, print, and write to `--out`."""
    parser = argparse.ArgumentParser("python -m tests.bench_dns", description=__doc__)
    parser.add_argument("--out", type=Path, help="a file for the same JSON")
    said = parser.parse_args()
    missing = [p for p in ("dnsperf", "dig") if shutil.which(p) is None]
    if not Path("/usr/sbin/nsd").exists() and shutil.which("nsd") is None:
        missing.append("nsd")
    if missing:
        sys.stderr.write(f"skipped: {', '.join(missing)} of Debian is not installed\n")
        return
    with tempfile.TemporaryDirectory(prefix="fm-dns-", dir="/tmp") as folder:
        text = json.dumps(measure(Path(folder)), indent=1) + "\n"
    sys.stdout.write(text)
    if said.out is not None:
        said.out.write_text(text)


if __name__ == "__main__":
    main()
