"""What the sidecars of a scope share: imports of all services, with their clusters and endpoints.

In: scopes as their first sidecar comes, services as they change. Out: a table for each scope, of
which a sidecar is shown what it asks for, and to `cluster_agent.snapshot.sidecars` the plans on
which the upstreams of single sidecars stand.
"""

from collections.abc import Callable, Mapping

from cluster_agent.snapshot.service_state import ServiceState
from cluster_agent.snapshot.sidecars import SidecarSnapshots
from cluster_agent.snapshot.tables import ON_DEMAND, Changed, Tables
from cluster_agent.snapshot.validation_secrets import SecretsTable
from federation.envoy.build import domains_of
from federation.model.names import ServiceName
from federation.model.plans import Plan, Scope
from sidecar.outbound import compile_imports, compile_outbound


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
        self._scopes: set[Scope] = set()
        self._is_synced = False

    def add(self, scope: Scope) -> list[Changed]:
        """Make the table of a scope, unless it is there."""
        if scope in self._scopes:
            return []
        table = self._tables.open(scope)
        self._scopes.add(scope)
        changed = []
        for name, state in self._services.items():
            changed += self._compile(scope, name, state)
        if self._is_synced:
            table.mark_complete(*ON_DEMAND)
        return changed

    def set_service(self, name: ServiceName, state: ServiceState) -> list[Changed]:
        """Plan and compile one service anew in all scopes."""
        return [changed for scope in self._scopes for changed in self._compile(scope, name, state)]

    def set_synced(self) -> None:
        """All services are known: what no table holds does not exist."""
        self._is_synced = True
        for scope in self._scopes:
            self._tables.open(scope).mark_complete(*ON_DEMAND)

    def _compile(self, scope: Scope, name: ServiceName, state: ServiceState) -> list[Changed]:
        plan = self._plan(scope, state)
        answering = [domains_of(plan.identities)] if plan else []
        changed = self._secrets.require((scope, name), answering)
        made = (*compile_outbound(plan), *compile_imports(plan)) if plan else ()
        changed += self._tables.put(scope, str(name), made)
        return changed + self._sidecars.set_plan(scope, name, plan)
