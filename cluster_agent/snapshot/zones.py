"""What the sidecars of a scope share: clusters, endpoints and routes of all services.

In: scopes as their first sidecar comes, services as they change. Out: a table for each scope, and
to `cluster_agent.snapshot.sidecars` the plans on which the upstreams of single sidecars stand.
Routes are built in `finish`, once for many services.
"""

from collections.abc import Callable, Iterable, Mapping

from cluster_agent.snapshot.service_state import ServiceState
from cluster_agent.snapshot.sidecars import SidecarSnapshots
from cluster_agent.snapshot.tables import TYPES, Changed, Tables
from cluster_agent.snapshot.validation_secrets import SecretsTable
from federation.envoy.build import domains_of
from federation.model.names import ServiceName
from federation.model.plans import Plan, Scope
from federation.model.types import ROUTE
from sidecar.outbound import OUTBOUND, compile_outbound, compile_routes, virtual_hosts


class ZoneSnapshots:
    """The tables of all scopes. Each of them is planned and compiled once, for all its sidecars."""

    def __init__(
        self,
        tables: Tables,
        secrets: SecretsTable,
        sidecars: SidecarSnapshots,
        services: Mapping[ServiceName, ServiceState],
        plan: Callable[[Scope, ServiceState], Plan | None],
    ) -> None:
        self._tables = tables
        self._secrets = secrets
        self._sidecars = sidecars
        self._services = services
        self._plan = plan
        self._hosts: dict[Scope, dict[ServiceName, tuple[bytes, ...]]] = {}
        self._stale_routes: set[Scope] = set()
        self._is_synced = False

    def add(self, scope: Scope) -> list[Changed]:
        """Make the table of a scope, unless it is there."""
        if scope in self._hosts:
            return []
        table = self._tables.open(scope)
        self._hosts[scope] = {}
        changed = []
        for name, state in self._services.items():
            changed += self._compile(scope, name, state)
        changed += self._build_routes(scope)
        if self._is_synced:
            table.mark_complete(*TYPES)
        return changed

    def set_service(self, name: ServiceName, state: ServiceState) -> list[Changed]:
        """Plan and compile one service anew in all scopes. Follow with `finish`."""
        return [changed for scope in self._hosts for changed in self._compile(scope, name, state)]

    def set_synced(self) -> list[Changed]:
        """All services are known: routes may be built, and what no table holds does not exist."""
        self._is_synced = True
        changed = self.finish()
        for scope in self._hosts:
            self._tables.open(scope).mark_complete(*TYPES)
        return changed

    def _compile(self, scope: Scope, name: ServiceName, state: ServiceState) -> list[Changed]:
        plan = self._plan(scope, state)
        hosts = virtual_hosts(plan) if plan else ()
        answering = [domains_of(plan.identities)] if plan else []
        changed = self._secrets.require((scope, name), answering)
        if hosts != self._hosts[scope].get(name, ()):
            self._stale_routes.add(scope)
            self._hosts[scope][name] = hosts
        if not hosts:
            self._hosts[scope].pop(name, None)
        changed += self._tables.put(scope, str(name), compile_outbound(plan) if plan else ())
        return changed + self._sidecars.set_plan(scope, name, plan)

    @property
    def is_unfinished(self) -> bool:
        """Whether `finish` has something to do."""
        return self._is_synced and bool(self._stale_routes)

    def finish(self) -> list[Changed]:
        """Build the routes of scopes in which virtual hosts changed."""
        stale = sorted(self._stale_routes)
        return [changed for scope in stale for changed in self._build_routes(scope)]

    def _build_routes(self, scope: Scope) -> list[Changed]:
        """Not before `set_synced`: routes of some services would remove those of the others."""
        if not self._is_synced:
            self._stale_routes.add(scope)
            return []
        self._stale_routes.discard(scope)
        body = compile_routes(_in_order(self._hosts[scope]))
        return self._tables.put_one(scope, ROUTE, OUTBOUND, body)


def _in_order(hosts: Mapping[ServiceName, tuple[bytes, ...]]) -> Iterable[bytes]:
    return (host for name in sorted(hosts) for host in hosts[name])
