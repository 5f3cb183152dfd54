"""Which sidecars dial which services at addresses of their own, and what that makes.

In: the upstreams that sidecars report, in which scope each is, the plans of services. Out: for each
upstream the resources of its sidecar, which `cluster_agent.snapshot.sidecars` puts into that
sidecar's table.
"""

from collections.abc import Iterable

from federation.envoy.build import Resource
from federation.model.names import ServiceName
from federation.model.plans import Plan, Scope
from federation.model.proxies import Upstream
from sidecar.upstreams import Way, compile_upstream, upstream_name, ways

UpstreamResources = tuple[str, tuple[Resource, ...]]
"""The name of an upstream, unique in its sidecar, and its resources: none without a plan."""


class Upstreams:
    """The upstreams of all sidecars of one cluster."""

    def __init__(self) -> None:
        self._ways: dict[tuple[Scope, ServiceName], dict[int, Way]] = {}
        self._scopes: dict[str, Scope] = {}
        self._wanted: dict[str, tuple[Upstream, ...]] = {}
        self._users: dict[ServiceName, set[str]] = {}

    def set_scope(self, workload: str, scope: Scope) -> tuple[UpstreamResources, ...]:
        """A sidecar is in a scope, by whose plans it goes."""
        if self._scopes.get(workload) == scope:
            return ()
        self._scopes[workload] = scope
        return self._compile(workload, self._wanted.get(workload, ()))

    def set_upstreams(
        self, workload: str, upstreams: Iterable[Upstream]
    ) -> tuple[UpstreamResources, ...]:
        """A sidecar reports which upstreams it has; what it has no more is empty."""
        before, after = self._wanted.get(workload, ()), tuple(upstreams)
        if before == after:
            return ()
        self._index(workload, before, after)
        kept = {upstream_name(upstream) for upstream in after}
        gone = [name for name in map(upstream_name, before) if name not in kept]
        return (*((name, ()) for name in gone), *self._compile(workload, after))

    def forget(self, workload: str) -> tuple[str, ...]:
        """A sidecar has gone; returns the names of the upstreams it had."""
        self._scopes.pop(workload, None)
        before = self._wanted.get(workload, ())
        self._index(workload, before, ())
        return tuple(map(upstream_name, before))

    def set_plan(
        self, scope: Scope, service: ServiceName, plan: Plan | None
    ) -> tuple[tuple[str, UpstreamResources], ...]:
        """A plan of a scope; returns what it changed beyond clusters, and of which sidecars."""
        after = {way.port: way for way in ways(plan)} if plan else {}
        if after == self._ways.get((scope, service), {}):
            return ()
        self._ways[scope, service] = after
        if not after:
            del self._ways[scope, service]
        return tuple(
            (workload, resources)
            for workload in sorted(self._users.get(service, ()))
            if self._scopes.get(workload) == scope
            for resources in self._compile(
                workload, (u for u in self._wanted[workload] if u.service == service)
            )
        )

    def _index(
        self, workload: str, before: tuple[Upstream, ...], after: tuple[Upstream, ...]
    ) -> None:
        self._wanted[workload] = after
        if not after:
            del self._wanted[workload]
        for upstream in before:
            self._users.get(upstream.service, set()).discard(workload)
        for upstream in after:
            self._users.setdefault(upstream.service, set()).add(workload)
        for service in {upstream.service for upstream in before}:
            if not self._users[service]:
                del self._users[service]

    def _compile(
        self, workload: str, upstreams: Iterable[Upstream]
    ) -> tuple[UpstreamResources, ...]:
        scope = self._scopes.get(workload)
        if scope is None:
            return ()
        compiled = []
        for upstream in upstreams:
            way = self._ways.get((scope, upstream.service), {}).get(upstream.port)
            resources = compile_upstream(upstream, way) if way else ()
            compiled.append((upstream_name(upstream), resources))
        return tuple(compiled)
