"""`topology.json`: the running mesh as outside tools see it (docs/reference/topology.md).

In: the layout, the demo's folder, the recorded processes and Envoys. Out: the document, and the
file, which is replaced at once whenever a pid has changed.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from federation.demo.configs import Paths, has_envoy
from federation.demo.layout import (
    DEFAULT_CLUSTERS,
    DEFAULT_NETWORK,
    DNS_PORT,
    DOMAIN,
    LOCAL_TCP_SERVICES,
    NAMESPACE,
    OUTBOUND_PORT,
    PORTS,
    SERVICE_PORT,
    SERVICES,
    Layout,
    Member,
    Port,
    Role,
    Site,
    local_tcp,
    members,
    moved_away,
    plan_layout,
    service_host,
)
from federation.demo.owner import check_ours
from federation.demo.processes import ProcessTable, envoy_of
from federation.model.errors import Failed, FedmeshError, NotReady
from federation.runtime.files import read_if_there, write_atomic

FORMAT = 1
_SECONDS = ("hold", "ramp", "leaf", "intermediate")
Document = dict[str, Any]


def describe(
    layout: Layout,
    paths: Paths,
    pids: Mapping[str, int],
    envoys: Mapping[str, int | None],
) -> Document:
    """The document; pids of what runs (and of Envoys) by the names of the layout's members."""
    controller = members(layout)[0]
    return {
        "format": FORMAT,
        "domain": DOMAIN,
        "fedctl_config": str(paths.fedctl),
        "controller": {
            "grpc": controller.address("grpc"),
            "api": f"https://{controller.address('api')}",
        },
        "processes": [
            _process(m, paths, pids.get(m.name), envoys.get(m.name)) for m in members(layout)
        ],
        "clusters": [
            {
                "id": s.id,
                "region": s.region,
                "zone": s.zone,
                "source": str(paths.source(s.id)),
                "dns": f"{s.dns}:{DNS_PORT}",
            }
            for s in layout.sites
        ],
        "services": [_service(layout, service) for service in SERVICES],
    }


def _process(member: Member, paths: Paths, pid: int | None, envoy: int | None) -> Document:
    supervises = has_envoy(member)
    has_config = member.role not in (Role.APP, Role.LINK)
    return {
        "role": str(member.role),
        "cluster": member.cluster,
        "name": member.name,
        "pid": pid,
        "envoy_pid": envoy,
        "addresses": dict(member.addresses),
        "log": str(paths.log(member.name)),
        "admin_socket": str(paths.state(member.name) / "admin.sock") if supervises else None,
        "config": str(paths.config(member)) if has_config else None,
    }


def _service(layout: Layout, service: str) -> Document:
    return {
        "name": f"{NAMESPACE}/{service}",
        "port": SERVICE_PORT,
        "calls": [call(site, service) for site in layout.sites],
        "ports": [_port(layout, service, port) for port in PORTS],
    }


def _port(layout: Layout, service: str, port: Port) -> Document:
    calls = [_CALLS[port.protocol](site, service, port) for site in layout.sites]
    return {
        "name": port.name,
        "port": port.number,
        "protocol": port.protocol,
        "calls": [found for found in calls if found is not None],
    }


def call(site: Site, service: str) -> Document:
    """How a client in this cluster calls a service over HTTP."""
    host = service_host(service)
    return {
        **_call(site, "http"),
        "proxy": _outbound(site),
        "host": host,
        "curl": f"curl -H 'Host: {host}' http://{_outbound(site)}/",
    }


def _grpc_call(site: Site, service: str, port: Port) -> Document:
    authority = service_host(service, port.number)
    return {**_call(site, "grpc"), "proxy": _outbound(site), "authority": authority}


def _tcp_call(site: Site, service: str, _: Port) -> Document | None:
    """None when the client's sidecar offers no address for it."""
    if service not in LOCAL_TCP_SERVICES:
        return None
    return {**_call(site, "tcp"), "address": f"{site.client().address}:{local_tcp(service)[1]}"}


_CALLS: Mapping[str, Callable[[Site, str, Port], Document | None]] = {
    "http": lambda site, service, _: call(site, service),
    "grpc": _grpc_call,
    "tcp": _tcp_call,
}


def _call(site: Site, protocol: str) -> Document:
    return {"cluster": site.id, "via": site.client().name, "protocol": protocol}


def _outbound(site: Site) -> str:
    return f"{site.client().address}:{OUTBOUND_PORT}"


def read_layout(folder: Path) -> Layout:
    """The layout of the demo in this folder; raises NotReady when there is none.

    Raises Denied, as all that reads the folder, when others could have written into it.
    """
    check_ours(folder)
    data = read_if_there(Paths(folder).marker)
    if data is None:
        raise NotReady(f"no demo is running in {folder}: start one with 'fedctl demo up'")
    try:
        said = json.loads(data)
        network = said.get("network", DEFAULT_NETWORK)
        layout = plan_layout(network, said.get("clusters", DEFAULT_CLUSTERS))
        for cluster, rtt in said.get("rtt", {}).items():
            layout = moved_away(layout, cluster, float(rtt))
        lives = {name: float(said.get(name, getattr(layout, name))) for name in _SECONDS}
        return replace(layout, **lives)  # type: ignore[arg-type]
    except (ValueError, TypeError, AttributeError, FedmeshError) as error:
        raise Failed(f"{Paths(folder).marker} is damaged: run 'fedctl demo down'") from error


def marker_text(layout: Layout) -> str:
    """What the marker file holds: enough to lay the demo out again."""
    said = {"network": layout.network, "clusters": len(layout.sites)}
    rtt = {site.id: site.rtt for site in layout.sites if site.rtt}
    seconds = {name: getattr(layout, name) for name in _SECONDS}
    return json.dumps(said | seconds | {"rtt": rtt}) + "\n"


def current(folder: Path) -> Document:
    """The document as it is now; raises NotReady when there is no demo."""
    layout = read_layout(folder)
    paths = Paths(folder)
    pids = {p.name: p.pid for p in ProcessTable(folder).load() if p.alive}
    envoys = {m.name: envoy_of(paths.state(m.name)) for m in members(layout) if has_envoy(m)}
    return describe(layout, paths, pids, envoys)


def refresh(folder: Path) -> Document:
    """Rewrite `topology.json` when a pid has changed; returns what it holds."""
    document = current(folder)
    data = json.dumps(document, indent=1).encode() + b"\n"
    path = Paths(folder).topology
    if read_if_there(path) != data:
        write_atomic(path, data)
    return document
