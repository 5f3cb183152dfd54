"""How many connections the client's proxy has open: what a place that freezes can swallow.

In: the demo's folder, its layout, a service. Out: a number, asked of Envoy's admin socket.
"""

import asyncio
import re
from pathlib import Path

from federation.demo.configs import Paths
from federation.demo.layout import CLIENT, SERVICE_PORT, Layout, Role, members
from federation.supervisor import admin

_ACTIVE = re.compile(rb"^cluster\.(\S+)\.upstream_cx_active: (\d+)$", re.MULTILINE)


def open_connections(state: Path, layout: Layout, service: str) -> int:
    """Those of the first cluster's client to the HTTP port of a service, wherever they lead.

    Raises NotReady when Envoy does not answer.
    """
    home = layout.sites[0].id
    client = next(
        m.name
        for m in members(layout)
        if (m.cluster, m.role, m.workload) == (home, Role.SIDECAR, CLIENT)
    )
    socket = Paths(state).state(client) / "admin.sock"
    said = asyncio.run(admin.ask(socket, "/stats?filter=upstream_cx_active"))
    return count(said, f"{SERVICE_PORT}.{service}.")


def count(said: bytes, name: str) -> int:
    """The sum over all clusters of Envoy that have this in their name."""
    return sum(int(number) for cluster, number in _ACTIVE.findall(said) if name.encode() in cluster)
