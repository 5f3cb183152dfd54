"""A gRPC client without any proxy calls across clusters, with mutual TLS, and fails over."""

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from envoy.service.discovery.v3.discovery_pb2 import DiscoveryRequest, DiscoveryResponse

from cluster_agent.main import _is_used
from federation.demo.layout import SERVICE_GRPC_PORT, service_host
from federation.model.types import SECRET
from federation.wire.rpc import methods
from tests.e2e.rig import Mesh, pause, wait_until

pytestmark = pytest.mark.timeout(120)

CLUSTER = "us-east"
_CLIENT = """
import json, sys, time, grpc
from grpc.experimental import insecure_channel_credentials
target = f"xds:///{sys.argv[1]}"
credentials = grpc.xds_channel_credentials(insecure_channel_credentials())
options = [("grpc.keepalive_time_ms", 1000), ("grpc.keepalive_timeout_ms", 500)]
with grpc.secure_channel(target, credentials, options=options) as channel:
    who = channel.unary_unary("/fedmesh.demo.Echo/Who")
    for number in range(int(sys.argv[2])):
        try:
            answer = who(b"", timeout=5, wait_for_ready=True)
            print(answer.decode().strip(), flush=True)
        except grpc.RpcError as error:
            print(json.dumps({"error": f"{error.code().name}: {error.details()}"}), flush=True)
        time.sleep(0.02)
"""


@contextmanager
def identity(mesh: Mesh, folder: Path, subject: str = "web-1") -> Iterator[dict[str, str]]:
    """What a program has that shall be a workload: PEM files, and an environment that says so."""
    agent = mesh.member(f"{CLUSTER}-agent")
    settings = {
        "agent": agent.address("xds"),
        "trust_file": str(mesh.paths.state(agent.name) / "trust.pem"),
        "token_file": str(mesh.paths.token(f"{CLUSTER}-{subject}-sidecar")),
        "state": str(folder / "identity"),
        "grpc_socket": str(mesh.paths.grpc_socket(CLUSTER)),
    }
    config = folder / "identity.yaml"
    config.write_text(yaml.safe_dump(settings))
    command = [
        sys.executable,
        "-m",
        "federation.supervisor.certificates.workload_certificate",
        "--config",
        str(config),
    ]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            found = folder / "identity"
            wait_until("it has a certificate", (found / "root.pem").exists, 20)
            yield {**os.environ, "GRPC_XDS_BOOTSTRAP": str(found / "grpc-bootstrap.json")}
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(10)


def client(service: str, calls: int) -> list[str]:
    return [sys.executable, "-c", _CLIENT, service_host(service, SERVICE_GRPC_PORT), str(calls)]


@pytest.mark.parametrize(("service", "expected"), [("api", "us-east"), ("orders", "us-west")])
def test_a_client_without_a_proxy_is_answered_by_the_nearest_cluster(
    mesh: Mesh, tmp_path: Path, service: str, expected: str
) -> None:
    with identity(mesh, tmp_path) as environment:
        done = subprocess.run(
            client(service, 10),
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [a.get("cluster") for a in answers] == [expected] * 10, done.stderr or answers
    assert {a["caller"] for a in answers} == {f"spiffe://{CLUSTER}.fedmesh.demo/ns/demo/sa/web"}


def test_it_goes_elsewhere_when_the_gateway_it_uses_is_killed(mesh: Mesh, tmp_path: Path) -> None:
    out = tmp_path / "answers"
    command = client("orders", 400)
    with (
        identity(mesh, tmp_path) as environment,
        out.open("wb") as sink,
        subprocess.Popen(command, env=environment, stdout=sink) as process,
    ):
        try:
            wait_until("it calls", lambda: out.read_bytes().count(b"us-west") > 20, 20)
            mesh.kill("us-west-gateway")
            wait_until("another answers", lambda: b"eu-west" in out.read_bytes(), 10)
            pause(1.0)
        finally:
            process.terminate()
            process.wait(10)
            mesh.start("us-west-gateway")
    answers = [json.loads(line) for line in out.read_text().splitlines()]
    failed = [a["error"] for a in answers if "error" in a]
    assert len(failed) <= 1, failed  # what was in flight inside the gateway that died
    assert answers[-1]["cluster"] == "eu-west"


def test_a_socket_that_another_process_uses_is_not_taken_from_it() -> None:
    with tempfile.TemporaryDirectory(prefix="fm-", dir="/tmp") as folder:
        path = Path(folder) / "grpc.sock"
        assert not _is_used(path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
            other.bind(str(path))
            other.listen()
            assert _is_used(path)
        assert path.exists(), "left behind, as after a kill"
        assert not _is_used(path)


@pytest.mark.parametrize(
    "method",
    [methods.CERTIFY, methods.RESOURCES, methods.OBSERVATIONS, methods.NAMES],
    ids=lambda method: str(method.name),
)
def test_the_socket_for_clients_without_a_proxy_serves_nothing_else(
    mesh: Mesh, method: methods.Method
) -> None:
    """Neither certificates nor what proxies are told, nor does it hear anything."""
    path = mesh.paths.grpc_socket(CLUSTER)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    with grpc.insecure_channel(f"unix:{path}") as channel:
        call: Any = channel.stream_stream(method.path)
        with pytest.raises(grpc.RpcError) as caught:
            list(call(iter([b""]), timeout=5))
    assert "UNIMPLEMENTED" in str(caught.value)


def test_the_socket_for_clients_without_a_proxy_tells_no_key(mesh: Mesh) -> None:
    asked = DiscoveryRequest(node={"id": "any"}, type_url=SECRET, resource_names=["identity"])
    encode, decode = DiscoveryRequest.SerializeToString, DiscoveryResponse.FromString
    answers: list[Any] = []
    with grpc.insecure_channel(f"unix:{mesh.paths.grpc_socket(CLUSTER)}") as channel:
        call: Any = channel.stream_stream(methods.ENVOY_STATE.path, encode, decode)
        with contextlib.suppress(grpc.RpcError):
            answers.extend(call(iter([asked]), timeout=3))
    assert [resource for answer in answers for resource in answer.resources] == []
