"""Where the demo's files lie, and what its processes are told.

In: a member of the layout and the demo's folder. Out: its settings (a mapping, to be written as
YAML) and its command line. Nothing is read or written here.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from federation.demo.layout import (
    CLIENT,
    DOMAIN,
    GATEWAY_PORT,
    LOCAL_TCP_SERVICES,
    NAMESPACE,
    SERVICE_TCP_PORT,
    Layout,
    Member,
    Role,
    Site,
    find_site,
    local_tcp,
    members,
)
from federation.process.sockets import check_socket

"""Linux: sun_path has 108 bytes, the last is a zero."""

_MODULES = {
    Role.CONTROLLER: "federation.controller.main",
    Role.AGENT: "cluster_agent.main",
    Role.DNS: "cluster_agent.dns.main",
    Role.GATEWAY: "gateway.main",
    Role.SIDECAR: "sidecar.main",
    Role.APP: "federation.demo.app",
    Role.LINK: "federation.verify.forwarder",
}
WITHOUT_SETTINGS = (Role.APP, Role.LINK)
_GATEWAY_NAME = "gateway-1"
LINK_BITS = 10e6
"""How many bits a link carries in a second, each way."""

SUPERVISOR_MODULES = (_MODULES[Role.GATEWAY], _MODULES[Role.SIDECAR])


@dataclass(frozen=True, slots=True)
class Paths:
    """The files of a demo, all below its folder."""

    folder: Path

    @property
    def marker(self) -> Path:
        """Says that the folder is ours, and how the demo is laid out."""
        return self.folder / ".fedmesh-demo"

    @property
    def topology(self) -> Path:
        """What outside tools read."""
        return self.folder / "topology.json"

    @property
    def fedctl(self) -> Path:
        """fedctl's configuration for this demo."""
        return self.folder / "fedctl.yaml"

    def source(self, cluster: str) -> Path:
        """The folder of YAML that a cluster's agent watches."""
        return self.folder / "clusters" / cluster

    def config(self, member: Member) -> Path:
        """The settings file of a process."""
        return self.folder / "config" / f"{member.name}.yaml"

    def state(self, name: str) -> Path:
        """The state folder of a process."""
        return self.folder / "state" / name

    def log(self, name: str) -> Path:
        """The log of a process."""
        return self.folder / "logs" / f"{name}.log"

    def journal(self, name: str) -> Path:
        """The ids of what an application has processed."""
        return self.folder / "journals" / f"{name}.ids"

    def token(self, name: str) -> Path:
        """The token with which a process proves itself."""
        return self.folder / "tokens" / f"{name}.token"

    def entry_token(self, name: str) -> Path:
        """The token with which a gateway proves that it may call for clients without a sidecar."""
        return self.token(f"{name}-entry")

    def grpc_socket(self, cluster: str) -> Path:
        """Where gRPC clients without any proxy get their configuration."""
        return self.folder / f"{cluster}.sock"

    def root(self) -> Path:
        """The certificate by which fedctl knows the controller."""
        return self.state("controller") / "root.pem"

    def admin_token(self) -> Path:
        """The token that lets fedctl in."""
        return self.state("controller") / "admin.token"

    def backup_words(self) -> Path:
        """The passphrase under which backups of the controller are sealed."""
        return self.folder / "tokens" / "backup.passphrase"

    def workload_key(self, cluster: str) -> Path:
        """The key with which an agent checks the tokens of workloads."""
        return self.state(f"{cluster}-agent") / "workload-tokens.key"


def has_envoy(member: Member) -> bool:
    """Whether this process is the supervisor of an Envoy."""
    return member.role in (Role.GATEWAY, Role.SIDECAR)


def is_control_plane(member: Member) -> bool:
    """Whether requests do not pass through this process; then it yields to those they do.

    On machines of their own they would not share a processor.
    """
    return member.role not in WITHOUT_SETTINGS


def tokens_of(member: Member, layout: Layout, paths: Paths) -> tuple[tuple[Path, str], ...]:
    """The workload tokens of a process: file, and whom it names."""
    own = paths.token(member.name)
    if member.role is Role.GATEWAY:
        entry = paths.entry_token(member.name)
        return (own, f"gateway:{_GATEWAY_NAME}"), (entry, f"entry:{_GATEWAY_NAME}")
    if member.role is Role.DNS:
        return ((own, "dns"),)
    if member.role is not Role.SIDECAR:
        return ()
    site = find_site(layout, member.cluster)
    account = next(w.service for w in site.workloads if w.name == member.workload)
    return ((own, f"{NAMESPACE}/{account}"),)


def settings_of(member: Member, layout: Layout, paths: Paths) -> dict[str, Any]:
    """The settings file of a process; raises KeyError for one that has none."""
    if member.role is Role.CONTROLLER:
        return {
            "domain": DOMAIN,
            "state": str(paths.state(member.name)),
            "grpc_listen": member.address("grpc"),
            "api_listen": member.address("api"),
            "advertise": [layout.controller],
            "backup_passphrase_file": str(paths.backup_words()),
            "intermediate_seconds": layout.intermediate,
        }
    site = find_site(layout, member.cluster)
    if member.role is Role.AGENT:
        return {
            "cluster": site.id,
            "source": str(paths.source(site.id)),
            "state": str(paths.state(member.name)),
            "listen": member.address("xds"),
            "join_token_file": str(paths.token(member.name)),
            "hold_seconds": layout.hold,
            "ramp_seconds": layout.ramp,
            "leaf_seconds": layout.leaf,
            "grpc_socket": str(paths.grpc_socket(site.id)),
            "allow_loopback_endpoints": True,
        }
    of_its_own = _OF_ITS_OWN[member.role](member, site, paths)
    return _towards_agent(member, site, paths) | of_its_own


def _towards_agent(member: Member, site: Site, paths: Paths) -> dict[str, Any]:
    agent = f"{site.id}-agent"
    xds = next(m for m in _members_at(site) if m.name == agent).address("xds")
    return {
        "agent": xds,
        "trust_file": str(paths.state(agent) / "trust.pem"),
        "token_file": str(paths.token(member.name)),
        "state": str(paths.state(member.name)),
    }


def _proxy(member: Member) -> dict[str, Any]:
    return {"readiness": member.address("readiness"), "concurrency": 1}


def _members_at(site: Site) -> tuple[Member, ...]:
    return members(Layout("", "", (site,)))


def _gateway(member: Member, site: Site, paths: Paths) -> dict[str, Any]:
    return {
        **_proxy(member),
        "name": _GATEWAY_NAME,
        "address": site.gateway,
        "port": GATEWAY_PORT,
        "zone": site.zone,
        "listen": f"{site.gateway_inside}:{GATEWAY_PORT}",
        "entry": {"addresses": site.entry, "token_file": str(paths.entry_token(member.name))},
    }


def _dns(member: Member, _: Site, __: Paths) -> dict[str, Any]:
    return {
        "listen": member.address("dns"),
        "health": member.address("health"),
        "metrics": member.address("metrics"),
    }


def _sidecar(member: Member, site: Site, _: Paths) -> dict[str, Any]:
    address = next(w.address for w in site.workloads if w.name == member.workload)
    return {
        **_proxy(member),
        "workload": f"{NAMESPACE}/{member.workload}",
        "address": address,
        "app_address": address,
        "outbound": member.address("outbound"),
        "upstreams": [
            {
                "service": f"{NAMESPACE}/{service}",
                "port": SERVICE_TCP_PORT,
                "listen": member.address(local_tcp(service)[0]),
            }
            for service in LOCAL_TCP_SERVICES
            if member.workload == CLIENT
        ],
    }


_OF_ITS_OWN = {Role.GATEWAY: _gateway, Role.DNS: _dns, Role.SIDECAR: _sidecar}


def command_of(member: Member, layout: Layout, paths: Paths) -> tuple[str, ...]:
    """The command line of a process; -P, since the caller's folder must not shadow our modules."""
    python = (sys.executable, "-P", "-m", _MODULES[member.role])
    if member.role not in WITHOUT_SETTINGS:
        return (*python, "--config", str(paths.config(member)))
    site = find_site(layout, member.cluster)
    if member.role is Role.LINK:
        inside = f"{site.gateway_inside}:{GATEWAY_PORT}"
        listen = ("--listen", member.address("mtls"), "--to", inside)
        return (*python, *listen, "--rtt", f"{site.rtt:g}", "--bits", f"{LINK_BITS:g}")
    workload = next(w for w in site.workloads if w.name == member.workload)
    return (
        *python,
        *("--listen", member.address("http")),
        *("--listen-grpc", member.address("grpc")),
        *("--listen-tcp", member.address("tcp")),
        *("--cluster", site.id),
        *("--workload", workload.name),
        *("--version", workload.version),
        *("--journal", str(paths.journal(member.name))),
    )


def check_depth(layout: Layout, paths: Paths) -> None:
    """Raise Failed when a socket's path would be longer than Linux permits."""
    sockets = [paths.state(m.name) / "admin.sock" for m in members(layout) if has_envoy(m)]
    longest = max(sockets, key=lambda socket: len(str(socket).encode()))
    check_socket(longest, f"state folder {paths.folder}", ": choose a shorter --state")
