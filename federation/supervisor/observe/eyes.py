"""What a supervisor looks at, by kind of its proxy: a gateway at others, a sidecar at its own.

In: sockets of Envoy, whom to tell. Out: loops that look for ever.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from federation.model.proxies import Kind, Proxy
from federation.runtime.loops import Loop
from federation.supervisor.observe.application_ports import Application
from federation.supervisor.observe.observer import Observer, Seen
from federation.supervisor.observe.unused_imports import UnusedImports


class Told(NamedTuple):
    """Who hears of it: `change` takes fields of `Proxy`, `let_go` clusters that nobody uses."""

    change: Callable[..., None]
    let_go: Callable[[frozenset[str]], None]


def looking(
    proxy: Proxy, admin: Path, measure: Path, told: Told, unused_seconds: float
) -> tuple[Loop, ...]:
    """The loops of a proxy. `measure` is where a gateway measures round trips."""
    if proxy.kind is Kind.GATEWAY:
        return Observer(admin, measure, partial(_tell, told.change)).loops()
    application = Application(
        admin,
        proxy.app_address,
        lambda ports: told.change(dead_ports=ports),
        lambda ports: told.change(closing_ports=ports),
    )
    unused = UnusedImports(admin, unused_seconds, told.let_go)
    return (application.looking(), *unused.loops())


def _tell(change: Callable[..., Any], seen: Seen) -> None:
    change(unhealthy=seen.unhealthy, sees_healthy=seen.sees_healthy, remotes=seen.remotes)
