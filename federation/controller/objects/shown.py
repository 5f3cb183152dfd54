"""What is shown of the mesh is kept up to date: the views, and the status of what people wrote.

In: the facts as they stand. Out: objects in their collections. Clusters are looked at often, since
silence is something that happens without anybody saying so; services only when they changed, and
some at a time, so that the loop is never held up.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from federation.api.kind import ApiKind
from federation.api.kinds import (
    CLUSTER,
    GATEWAY,
    NAMESPACE,
    PROXY,
    SERVICE_EXPORT,
    SERVICE_IMPORT,
    TRAFFIC_POLICY,
)
from federation.apiserver.collection import Collection
from federation.controller.facts.hub import Hub
from federation.controller.member import Member
from federation.controller.membership.cluster_object import LEAVES, object_of
from federation.controller.objects import policies, views
from federation.controller.objects.events import NORMAL, WARNING, Events
from federation.controller.objects.namespaces import ALWAYS
from federation.controller.objects.proxies import ShownProxies
from federation.controller.objects.storage import Stored
from federation.controller.views.status import sentences
from federation.model.names import ClusterId, ServiceName
from federation.runtime.clock import wall_seconds
from federation.runtime.loops import Loop

Json = dict[str, Any]

LOOK_SECONDS = 0.5
AT_ONCE = 50
"""Services that are made between two turns of the loop."""


class Shown:
    """Feeds the collections of views, and adds status to what is stored."""

    def __init__(self, hub: Hub, collections: Mapping[ApiKind, Collection], events: Events) -> None:
        self._hub = hub
        self._of = collections
        self._events = events
        self._proxies = ShownProxies(hub.registry.proxies, collections[PROXY], events)
        self._stated: dict[str, Stored] = {}
        """Namespaces that somebody wrote, by name."""
        self._inside = -1
        """When something changed last that is in a namespace."""
        self.loop = Loop("shown", self.look, rest=LOOK_SECONDS)

    async def look(self) -> None:
        """Show what has changed."""
        now = wall_seconds()
        registry = self._hub.registry
        for member in tuple(registry.members.values()):
            self.put_cluster(member)
        self._of[GATEWAY].replace(
            found
            for member in registry.members.values()
            for found in views.gateways(self._hub, member, now)
        )
        await self._services()
        await self._proxies.look(now)
        self._events.forget(now)

    async def load_clusters(self, members: tuple[Member, ...]) -> None:
        """Take all clusters, at the start."""
        for member in members:
            self.put_cluster(member)

    def put_cluster(self, member: Member) -> None:
        """Show a cluster as it is stated and seen."""
        now, collection = wall_seconds(), self._of[CLUSTER]
        time = views.time_of(now) or ""
        before = collection.get("", member.id)
        old: Json = before.object.get("status", {}) if before is not None else {}
        status = views.cluster_status(self._hub, member, sentences(self._hub, member.id, now), now)
        found = object_of(member)
        metadata = found["metadata"]
        status["observedGeneration"] = metadata.get("generation", 1)
        status["conditions"] = views.since_when(
            status["conditions"], old.get("conditions", ()), time
        )
        if member.leaving:
            known = before.object["metadata"].get("deletionTimestamp") if before else None
            finalizers = [*(metadata.get("finalizers") or ()), LEAVES]
            found["metadata"] = {
                **metadata,
                "finalizers": list(dict.fromkeys(finalizers)),
                "deletionTimestamp": known or time,
            }
        found["status"] = status
        collection.put(found, member.revision)
        self._note(found, old, now)

    def remove_cluster(self, cluster: ClusterId) -> None:
        """A cluster is not there any more."""
        self._of[CLUSTER].remove("", cluster)

    def _note(self, found: Json, old: Json, now: float) -> None:
        """Tell of what happened to a cluster."""
        status, name = found["status"], found["metadata"]["name"]
        state = status["state"]
        is_new = old.get("state") == views.AWAY and state == "suspect"  # it comes in a moment
        if old and old.get("state") != state and not is_new:
            is_well = state in ("live", "away", "leaving")
            reason = {"live": "Connected", "away": "NotJoined"}.get(state, state.capitalize())
            message = f"cluster {name} was {old.get('state') or 'unknown'} and is {state} now"
            self._events.note(found, NORMAL if is_well else WARNING, reason, message, now)
        if old and old.get("trust") != status["trust"]:
            message = f"cluster {name} was {old.get('trust')} and is {status['trust']} now"
            self._events.note(found, NORMAL, "TrustChanged", message, now)
        for problem in status["problems"]:
            if problem not in old.get("problems", ()):
                self._events.note(found, WARNING, "Problem", problem, now)

    async def _services(self) -> None:
        """Show the services that have changed, and the namespaces that they make."""
        registry = self._hub.registry
        names = sorted(registry.to_show)
        registry.to_show.clear()
        for index, name in enumerate(names):
            if index % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(0)
            self._service(name)
        inside = self._of[TRAFFIC_POLICY].changed_at
        if names or inside != self._inside:
            self._inside = inside
            self._namespaces()
        if names:
            for held in self._of[TRAFFIC_POLICY].listed():
                self._of[TRAFFIC_POLICY].put(self.policy(held.object), held.stored, held.size)

    def _service(self, name: ServiceName) -> None:
        imports, exports = self._of[SERVICE_IMPORT], self._of[SERVICE_EXPORT]
        found = self._hub.registry.service(name)
        if found is None:
            imports.remove(*name)
            exports.remove(*name)
            return
        service, _, created = found
        imports.put_view(name, found, views.service_import)
        exports.put_view(name, (service, created), views.service_export)

    def put_namespace(self, stored: Stored) -> None:
        """Take a namespace that somebody wrote."""
        name = stored.object["metadata"]["name"]
        self._stated[name] = stored
        status = {
            "phase": "Terminating" if "deletionTimestamp" in stored.object["metadata"] else "Active"
        }
        self._of[NAMESPACE].put({**stored.object, "status": status}, stored.revision, stored.size)

    def remove_namespace(self, name: str) -> None:
        """A namespace that somebody had written; it stays while something is in it."""
        self._stated.pop(name, None)
        self._of[NAMESPACE].remove("", name)
        self._namespaces()

    def _namespaces(self) -> None:
        """Show the namespaces that are there since something is in them."""
        used = {ALWAYS}
        for kind in (SERVICE_IMPORT, TRAFFIC_POLICY):
            used |= {namespace for namespace, _ in self._of[kind].names()}
        collection = self._of[NAMESPACE]
        known = {name for _, name in collection.names()}
        for name in known - used - self._stated.keys():
            collection.remove("", name)
        for name in used - known:
            collection.put(views.namespace(name))

    def policy(self, found: Json) -> Json:
        """A TrafficPolicy with what became of it."""
        namespace, name = found["metadata"]["namespace"], found["metadata"]["name"]
        before = self._of[TRAFFIC_POLICY].get(namespace, name)
        old = before.object.get("status", {}) if before is not None else {}
        services = self._of[SERVICE_IMPORT]
        time = views.time_of(wall_seconds()) or ""
        judged = policies.conditions(
            found, lambda service: services.get(namespace, service) is not None
        )
        made = views.since_when(judged, old.get("conditions", ()), time)
        self._note_policy(found, old, made)
        return policies.with_conditions(found, made)

    def _note_policy(self, found: Json, old: Json, made: list[Json]) -> None:
        """Tell of conditions of a policy that are others than before."""
        before = {one["type"]: one["status"] for one in old.get("conditions", ())}
        for one in made:
            if one["type"] in before and before[one["type"]] != one["status"]:
                is_well = one["status"] == "True"
                message = one["message"] or f"{one['type']} is {one['status']} now"
                kind = NORMAL if is_well else WARNING
                self._events.note(found, kind, one["reason"], message, wall_seconds())
