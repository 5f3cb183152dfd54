"""`fedctl service list`: what is exported, from where, and what is behind it."""

from typing import Any

from federation.cli.io import Column
from federation.cli.listing import Listing, field, list_command


def _ports(item: dict[str, Any]) -> str:
    ports = (f"{p['name'] or '-'} {p['port']}/{p['protocol']}" for p in item["ports"])
    return ", ".join(ports) or "-"


def _numbers(item: dict[str, Any]) -> str:
    return ",".join(str(port["port"]) for port in item["ports"]) or "-"


def _backend(backend: dict[str, Any]) -> str:
    """One cluster's ready endpoints, and the ports that its callers cannot use."""
    text = f"{backend['cluster']} {backend['ready']}/{backend['total']}"
    unserved = ", ".join(map(str, backend.get("unserved_ports", ())))
    return f"{text} (not port {unserved})" if unserved else text


def _backends(item: dict[str, Any]) -> str:
    backends = [_backend(backend) for backend in item["backends"]]
    if not any(b["ready"] for b in item["backends"]):
        backends.append("(none is ready)")
    return ", ".join(backends)


def _conflicts(item: dict[str, Any]) -> str:
    return "; ".join(f"{c['reason']}: {c['message']}" for c in item["conflicts"]) or "-"


def _reasons(item: dict[str, Any]) -> str:
    return ",".join(sorted({str(c["reason"]) for c in item["conflicts"]})) or "-"


LISTING = Listing(
    lambda client: client.services(),
    (
        Column("service", field("name")),
        Column("type", field("type"), wide=True),
        Column("ports", _ports, narrow=_numbers),
        Column("backends ready", _backends),
        Column("conflicts", _conflicts, narrow=_reasons),
    ),
    "no services yet: put a ServiceExport beside a Service in one of the clusters",
)
command = list_command("List the services of the federation.", LISTING)
