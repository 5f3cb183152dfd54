"""Which program sends the requests of a flow, and its command line.

In: a flow, the demo's layout, the file for the history. Out: a command for
`federation.demo.scenarios.stage`. Up to some hundred requests a second a generator in Python is
good enough; beyond that its own pauses would look like those of the mesh.
"""

import math
import sys
from pathlib import Path

from federation.demo.layout import OUTBOUND_PORT, PORTS, Layout, find_site, local_tcp, service_host
from federation.demo.resolve import resolve
from federation.demo.scenarios.steps import Flow
from federation.model.errors import InvalidInput
from federation.verify import paced

MOST_BY_PYTHON = 500.0
"""Requests a second of one flow."""

_SECONDS_OF_SILENCE = 1.2
_FEWEST_CONNECTIONS = 64


def check_rate(rate: float) -> None:
    """Raise InvalidInput when nothing on this machine can send so many requests a second."""
    if rate > MOST_BY_PYTHON and not paced.is_there():
        raise InvalidInput(
            f"--rate is {rate:g}, but more than {MOST_BY_PYTHON:g} a second are sent by "
            f"{paced.PROGRAM}, which is not installed: install the package {paced.PACKAGE} "
            "(Debian, Ubuntu), or ask for less"
        )


def sent_by(rate: float) -> str:
    """Who sends GET at this rate, in words."""
    if rate > MOST_BY_PYTHON:
        return f"{paced.PROGRAM}, a program in C"
    return "a generator in Python"


def command_of(flow: Flow, layout: Layout, out: Path) -> tuple[str, ...]:
    """What sends the requests and writes their history to `out`."""
    module = "federation.verify.paced" if flow.paced else "federation.verify.traffic"
    return (sys.executable, "-P", "-m", module, *_options(flow, layout), "--out", str(out))


def _options(flow: Flow, layout: Layout) -> tuple[str, ...]:
    number = next(port.number for port in PORTS if port.protocol == flow.protocol)
    host = ("--host", service_host(flow.service, number))
    body = ("--body-bytes", str(flow.body_bytes))
    http = (*host, *body, "--path", flow.path, "--method", flow.method)
    return (
        *("--protocol", flow.protocol, "--target", _target(flow, layout, number)),
        *({"http": http, "grpc": host}.get(flow.protocol, ())),
        *("--rate", f"{flow.rate:g}", "--timeout", f"{flow.timeout:g}"),
        *(("--connections", f"{_connections(flow)}") if flow.paced else ()),
    )


def _connections(flow: Flow) -> int:
    """Enough for all requests of a while in which nothing is answered."""
    return max(_FEWEST_CONNECTIONS, math.ceil(flow.rate * _SECONDS_OF_SILENCE))


def _target(flow: Flow, layout: Layout, number: int) -> str:
    home = layout.sites[0]
    if not flow.sidecar:
        site = find_site(layout, flow.elsewhere) if flow.elsewhere else home
        return f"{resolve(site, flow.service)}:{number}"
    port = local_tcp(flow.service)[1] if flow.protocol == "tcp" else OUTBOUND_PORT
    return f"{home.client().address}:{port}"
