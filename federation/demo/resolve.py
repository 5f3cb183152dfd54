"""Asks a cluster's DNS server as a client without a sidecar does."""

import contextlib
import socket

from dnslib import DNSRecord

from federation.demo.layout import DNS_PORT, NAMESPACE, Site
from federation.model.errors import Failed

_TRIES = 5
_SECONDS = 1.0


def resolve(site: Site, service: str, tries: int = _TRIES) -> str:
    """The address of a service for a client in this cluster; raises Failed."""
    name = f"{service}.{NAMESPACE}.svc.clusterset.local"
    question = DNSRecord.question(name).pack()
    for _ in range(tries):
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking,
            contextlib.suppress(OSError),
        ):
            asking.settimeout(_SECONDS)
            asking.connect((site.dns, DNS_PORT))
            asking.send(question)
            reply = DNSRecord.parse(asking.recv(4096))
            if reply.rr:
                return str(reply.rr[0].rdata)
    raise Failed(f"{site.id}-dns: no address for {name}")
