"""Waits until the demo answers: the controller, the agents, every proxy, and a real request.

In: checks, each a question about one process. Out: nothing, or Failed with the name of the process
that is to blame and the last lines of its log.
"""

import contextlib
import http.client
import json
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from federation.client.client import Client
from federation.demo.configs import Paths, has_envoy
from federation.demo.layout import (
    CLIENT,
    SERVICE_PORT,
    Layout,
    Member,
    Role,
    Site,
    members,
    service_host,
)
from federation.demo.processes import ProcessTable, bury, log_tail, pause
from federation.demo.resolve import resolve
from federation.model.errors import Failed, FedmeshError

_PROBE_SECONDS = 2.0
_AGAIN_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Check:
    """A question; `name` is the process that is to blame when the answer stays no."""

    name: str
    what: str
    passes: Callable[[], bool]


def wait_for(
    checks: Iterable[Check], folder: Path, deadline: float, names: Collection[str] | None = None
) -> None:
    """Ask until all answers are yes.

    Raises Failed at the deadline, or when a process ends; with `names` only these count.
    """
    pending = list(checks)
    while pending:
        pending = [check for check in pending if not check.passes()]
        _check_alive(folder, names)
        if not pending:
            return
        if time.monotonic() > deadline:
            late = pending[0]
            raise Failed(f"{late.name}: {late.what} in time; {_tails(folder, late.name)}")
        pause(_AGAIN_SECONDS)


def _check_alive(folder: Path, names: Collection[str] | None) -> None:
    for process in ProcessTable(folder).load():
        counts = names is None or process.name in names
        if counts and not process.alive:
            bury(process.pid)
            raise Failed(f"{process.name} ended by itself; {_tails(folder, process.name)}")


def _tails(folder: Path, name: str) -> str:
    """The last lines of a process's log, and of its Envoy's, if it has one that said anything."""
    paths = Paths(folder)
    tail = log_tail(paths.state(name) / "envoy.log")
    envoys = f"\nand of its Envoy's:\n{tail}" if tail else ""
    return f"the last lines of its log:\n{log_tail(paths.log(name))}{envoys}"


def get(address: str, path: str, host: str = "") -> tuple[int, dict[str, Any]]:
    """GET over plain HTTP: status and the JSON object in the answer; (0, {}) without an answer."""
    name, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(name, int(port), timeout=_PROBE_SECONDS)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", path, headers={"Host": host or address})
        answer = connection.getresponse()
        data = answer.read()
        with contextlib.suppress(ValueError):
            found = json.loads(data)
            return answer.status, found if isinstance(found, dict) else {}
        return answer.status, {}
    return 0, {}


def client_of(layout: Layout, paths: Paths) -> Client:
    """A client of the demo's controller; raises Failed while its certificate is not there yet."""
    try:
        token = paths.admin_token().read_text().strip()
    except OSError as error:
        raise Failed("the controller has not made its token yet") from error
    return Client(f"https://{members(layout)[0].address('api')}", paths.root(), token)


def controller_check(layout: Layout, paths: Paths) -> Check:
    """Whether the controller is healthy."""

    def passes() -> bool:
        try:
            return client_of(layout, paths).is_healthy()
        except FedmeshError:
            return False

    return Check("controller", "did not become healthy", passes)


def agent_checks(layout: Layout, paths: Paths) -> list[Check]:
    """Whether each cluster's agent is connected and others know its gateway."""
    return [
        Check(f"{site.id}-agent", "did not connect", partial(_is_connected, layout, paths, site.id))
        for site in layout.sites
    ]


def _is_connected(layout: Layout, paths: Paths, cluster: str) -> bool:
    try:
        found = client_of(layout, paths).clusters()
    except FedmeshError:
        return False
    mine = (c for c in found if c.get("id") == cluster)
    return any(c.get("connected") and c.get("gateways") for c in mine)


def process_checks(found: Iterable[Member]) -> list[Check]:
    """Whether applications, proxies and DNS servers answer; others are asked in other ways."""
    checks = []
    for member in found:
        if member.role is Role.APP:
            asked = partial(_answers, member.address("http"), "/count")
        elif member.role is Role.DNS:
            asked = partial(_answers, member.address("health"), "/ready")
        elif has_envoy(member):
            asked = partial(_answers, member.address("readiness"), "/ready")
        else:
            continue
        checks.append(Check(member.name, "did not become ready", asked))
    return checks


def request_checks(layout: Layout) -> list[Check]:
    """Whether every service answers from every cluster: its client, and one without a sidecar."""
    services = sorted({service for site in layout.sites for service in site.services})
    checks = []
    for member in members(layout):
        if member.role is Role.SIDECAR and member.workload == CLIENT:
            for service in services:
                asked = partial(_answers, member.address("outbound"), "/", service_host(service))
                what = f"did not get a request to {service} answered"
                checks.append(Check(member.name, what, asked))
    for site in layout.sites:
        for service in services:
            what = f"did not tell an address at which {service} answers"
            checks.append(Check(f"{site.id}-dns", what, partial(_answers_by_name, site, service)))
    return checks


def _answers_by_name(site: Site, service: str) -> bool:
    """Whether a service answers at the address that DNS tells."""
    with contextlib.suppress(FedmeshError):
        return _answers(f"{resolve(site, service, tries=1)}:{SERVICE_PORT}", "/")
    return False


def _answers(address: str, path: str, host: str = "") -> bool:
    return get(address, path, host)[0] == http.client.OK
