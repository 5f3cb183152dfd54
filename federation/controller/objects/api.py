"""The API's objects put together: collections, what feeds them, and the resources that are served.

In: the parts of the controller. Out: the rows of intent that have an effect here, and the
`KubernetesApi`.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from federation.api.kind import ApiKind
from federation.api.kinds import (
    APPLY_SET,
    CLUSTER,
    CRD,
    EVENT,
    KINDS,
    NAMESPACE,
    OWN,
    ROLE_BINDING,
    TRAFFIC_POLICY,
    USER,
)
from federation.apiserver.collection import Collection, Revisions
from federation.apiserver.crds import definitions
from federation.apiserver.described import described
from federation.apiserver.kubernetes import KubernetesApi
from federation.apiserver.resource import Resource
from federation.apiserver.reviews import Reviews
from federation.controller.access.users import Users
from federation.controller.effects import effects
from federation.controller.intent.apply_intent import Effect
from federation.controller.membership.members import Members
from federation.controller.objects.actions import ClusterActions
from federation.controller.objects.clusters import ClusterStorage
from federation.controller.objects.events import Events
from federation.controller.objects.gate import Gate
from federation.controller.objects.namespaces import NamespaceStorage
from federation.controller.objects.shown import Shown
from federation.controller.objects.storage import ObjectStorage, effect_of, stored_kind
from federation.controller.objects.user_specs import UserSpecs
from federation.controller.objects.users import ShownUsers, UserStorage, user_acts
from federation.controller.objects.views import uid_of
from federation.controller.sessions import Sessions
from federation.controller.store.store import IntentStore
from federation.model.names import ClusterId

Json = dict[str, Any]

RELEASED = "2026-11-30T00:00:00Z"
"""When the kinds came to be: the same for every controller."""
Leave = Callable[[ClusterId], Awaitable[None]]


class Objects:
    """The collections of all kinds, fed from the store and from the facts."""

    def __init__(self, sessions: Sessions, gate: Gate, revisions: Revisions) -> None:
        self._sessions = sessions
        self._gate = gate
        self.collections: dict[ApiKind, Collection] = {
            kind: Collection(kind, revisions) for kind in (*OWN, NAMESPACE, EVENT, CRD)
        }
        self.users = UserSpecs()
        events = Events(self.collections[EVENT])
        self.shown = Shown(sessions.hub, self.collections, events)
        for found in definitions(OWN, uid=lambda name: uid_of(CRD, "", name), created=RELEASED):
            self.collections[CRD].put(found)

    def effects(self, users: Users) -> tuple[Effect[Any], ...]:
        """What documents do; that of members comes first, since all others are about them."""
        of, sessions, shown = self.collections, self._sessions, self.shown
        shown_users = ShownUsers(of[USER], users)
        (of_members,) = effects(sessions)

        async def load(members: tuple[Any, ...]) -> None:
            await of_members.load(members)
            await shown.load_clusters(members)

        def put(member: Any) -> None:
            of_members.put(member)
            shown.put_cluster(sessions.registry.members.get(member.id, member))

        def remove(name: str) -> None:
            of_members.remove(name)
            shown.remove_cluster(ClusterId(name))

        async def load_namespaces(found: tuple[Any, ...]) -> None:
            for stored in found:
                shown.put_namespace(stored)

        return (
            Effect(of_members.kind, load, put, remove),
            Effect(
                stored_kind(NAMESPACE),
                load_namespaces,
                shown.put_namespace,
                lambda name: shown.remove_namespace(name.rpartition("/")[2]),
            ),
            effect_of(of[TRAFFIC_POLICY], shown.policy),
            effect_of(of[ROLE_BINDING], heard=self._gate.heard),
            effect_of(of[USER], shown_users.with_status, self.users.heard),
            users.effect,
            effect_of(of[APPLY_SET]),
        )

    def resources(
        self,
        store: IntentStore,
        in_effect: Callable[[int], Awaitable[None]],
        members: Members,
        leave: Leave,
        domain: str,
        *,
        users: Users,
    ) -> tuple[Resource, ...]:
        """Every kind with where it is written."""
        of = self.collections

        def stored(kind: ApiKind) -> Resource:
            return Resource(of[kind], ObjectStorage(store, kind, of[kind], in_effect))

        clusters = ClusterStorage(members.documents, domain, leave, members.remove)
        actions = ClusterActions(members, self._sessions)
        namespaces = NamespaceStorage(
            ObjectStorage(store, NAMESPACE, of[NAMESPACE], in_effect),
            ObjectStorage(store, TRAFFIC_POLICY, of[TRAFFIC_POLICY], in_effect),
            of[TRAFFIC_POLICY],
        )
        written = {
            CLUSTER: Resource(of[CLUSTER], clusters, acts=dict(actions.all())),
            NAMESPACE: Resource(of[NAMESPACE], namespaces),
            USER: Resource(
                of[USER],
                UserStorage(ObjectStorage(store, USER, of[USER], in_effect), users),
                acts=user_acts(users),
            ),
            **{kind: stored(kind) for kind in (TRAFFIC_POLICY, ROLE_BINDING, APPLY_SET)},
        }
        return tuple(written.get(kind) or Resource(of[kind]) for kind in of)


def kubernetes_api(resources: tuple[Resource, ...], gate: Gate) -> KubernetesApi:
    """What answers under /api, /apis, /openapi and /version."""
    return KubernetesApi(resources, described(KINDS), Reviews(gate.rules), gate)
