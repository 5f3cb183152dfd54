"""Imports on demand: what a sidecar asks for once its workload calls a port of a service.

A host as an application writes it leads to the name of one import; what is no name of a service
leads nowhere, so nothing is asked for it.
"""

import re
from dataclasses import dataclass

from federation.model.names import CLUSTERSET_ZONE, ServiceName
from federation.model.proxies import Kind, Proxy

_LABEL = "[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_ZONE = CLUSTERSET_ZONE.replace(".", r"\.")

MOST_CHARACTERS = 154
"""Of such a host, port included."""

HOST_PATTERN = rf"({_LABEL}\.{_LABEL})(?:\.svc(?:\.{_ZONE})?)?(:[0-9]{{1,5}})?"
"""A host by which a service may be called: full or short, with a port or without; at most
MOST_CHARACTERS of lower case. RE2 understands it as well."""

_HOST = re.compile(HOST_PATTERN)


@dataclass(frozen=True, slots=True)
class Import:
    """How to reach one port of a service.

    `host` is a serialized virtual host of Envoy without name and domains, empty for TCP.
    `aggregates` are Envoy clusters made of `clusters`; each of the latter has endpoints of its
    name. What `host` leads to is among both.
    """

    host: bytes
    clusters: tuple[str, ...]
    aggregates: tuple[str, ...] = ()


def import_name(service: ServiceName, port: int | None = None) -> str:
    """The name of the import of a port, None for the port of who names none."""
    host = f"{service.name}.{service.namespace}"
    return host if port is None else f"{host}:{port}"


def import_of(host: str) -> str | None:
    """The name of the import that a host leads to, None when no service can be called so."""
    found = _HOST.fullmatch(host)
    return f"{found[1]}{found[2] or ''}" if found else None


def pinned_imports(proxy: Proxy) -> tuple[str, ...] | None:
    """What a proxy asks for from its start: its upstreams; None when it is sent all it needs."""
    if proxy.kind is Kind.GATEWAY:
        return None
    return tuple(import_name(upstream.service, upstream.port) for upstream in proxy.upstreams)
