"""What roles allow, and nothing else, wherever a binding counts."""

import itertools
from dataclasses import replace

import pytest
from pydantic import ValidationError

from federation.api.kind import EVERY, READ, WRITE
from federation.api.v1alpha1.access import Role, RoleBindingSpec, UserSpec
from federation.apiserver.access import (
    ALWAYS,
    OURS,
    Attributes,
    Binding,
    binding_of,
    decide,
    is_clusterset_admin,
)
from federation.apiserver.caller import ADMINS, AUTHENTICATED, known

ANN = known("ann", ("team-shop",), "token 1")
OWNER = known("admin", (ADMINS,), "admin token")
POLICY = Attributes("get", OURS, "trafficpolicies", namespace="shop", name="web")
CLUSTER = Attributes("get", OURS, "clusters", name="east")
KINDS = (
    (OURS, "clusters", ("", "status", "jointoken", "confirm", "revoke", "rekey")),
    (OURS, "trafficpolicies", ("", "status")),
    (OURS, "applysets", ("",)),
    (OURS, "users", ("", "token", "certificate")),
    (OURS, "rolebindings", ("",)),
    (OURS, "audit", ("",)),
    (OURS, "trust", ("",)),
    (OURS, "backups", ("",)),
    (OURS, "jointokens", ("",)),
    (OURS, "gateways", ("",)),
    ("multicluster.x-k8s.io", "serviceexports", ("", "status")),
    ("", "namespaces", ("", "status", "finalize")),
    ("", "events", ("",)),
    ("authorization.k8s.io", "subjectaccessreviews", ("",)),
)
VERBS = (*EVERY, "impersonate", "escalate", "bind", "*")
PLACES = ("", "shop", "other")
NAMES = ("", "east", "west", "shop", "east.gw", "eastern.gw")
HIDDEN = {"users", "rolebindings", "audit"}


def bound(role: Role, namespaces: tuple[str, ...] = (), clusters: tuple[str, ...] = ()) -> Binding:
    users = frozenset({"ann"})
    return Binding("b", role, users, frozenset(), frozenset(namespaces), frozenset(clusters))


def may(binding: Binding, asked: Attributes) -> bool:
    return decide((binding,), ANN, asked).allowed


def everything() -> list[Attributes]:
    return [
        Attributes(verb, group, resource, sub, namespace, name)
        for group, resource, subs in KINDS
        for sub, verb, namespace, name in itertools.product(subs, VERBS, PLACES, NAMES)
    ]


def is_listed(role: Role, asked: Attributes) -> bool:
    """The list of a role, stated a second time."""
    ours = asked.group == OURS
    is_read = asked.verb in READ and not (ours and asked.resource in HIDDEN)
    if role == "admin" or is_read:
        return True
    if role == "viewer":
        return False
    writes = {
        (OURS, "trafficpolicies", ""): WRITE,
        (OURS, "applysets", ""): WRITE,
        ("", "namespaces", ""): WRITE,
        (OURS, "clusters", ""): ("create", "update", "patch"),
        (OURS, "clusters", "jointoken"): ("create",),
        (OURS, "clusters", "confirm"): ("create",),
        (OURS, "jointokens", ""): ("delete",),
    }
    return asked.verb in writes.get((asked.group, asked.resource, asked.subresource), ())


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_no_role_allows_more_or_less_than_its_list(role: Role) -> None:
    asked = everything()
    wrong = [a for a in asked if may(bound(role), a) != is_listed(role, a)]
    assert not wrong, wrong[:5]
    assert len(asked) > 1_000


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_in_namespaces_it_is_the_list_there_and_reading_the_namespace(role: Role) -> None:
    for asked in everything():
        if may(bound(role, namespaces=("shop",)), asked):
            assert is_listed(role, asked), asked
            if asked.resource == "namespaces":
                assert asked.verb in READ, asked
                assert asked.name == "shop", asked
            else:
                assert asked.namespace == "shop", asked
            assert (asked.group, asked.resource) not in {
                (OURS, kind) for kind in (*HIDDEN, "clusters", "trust", "backups", "gateways")
            }, asked
    assert may(bound(role, namespaces=("shop",)), POLICY)
    assert not may(bound(role, namespaces=("shop",)), replace(POLICY, namespace="other"))


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_in_clusters_it_is_the_list_for_these_and_what_is_called_after_them(role: Role) -> None:
    for asked in everything():
        if may(bound(role, clusters=("east",)), asked):
            assert is_listed(role, asked), asked
            assert asked.group == OURS
            assert (asked.resource, asked.name) in {("clusters", "east"), ("gateways", "east.gw")}
    assert may(bound(role, clusters=("east",)), CLUSTER)
    assert not may(bound(role, clusters=("east",)), replace(CLUSTER, name="west"))


def test_only_an_admin_of_the_clusterset_writes_users_and_bindings() -> None:
    for kind, verb in itertools.product(("users", "rolebindings"), WRITE):
        asked = Attributes(verb, OURS, kind, namespace="shop", name="east")
        assert may(bound("admin"), asked)
        for less in (
            bound("operator"),
            bound("admin", namespaces=("shop",)),
            bound("admin", clusters=("east",)),
        ):
            assert not may(less, asked), (less, asked)


def test_the_group_of_admins_cannot_be_locked_out() -> None:
    delete = Attributes("delete", OURS, "rolebindings", name="all")
    assert decide((), OWNER, delete).allowed
    assert decide((), OWNER, Attributes("delete", path="/anything")).allowed
    assert decide((), OWNER, delete).reason == (
        "role admin in the clusterset by group fedmesh:admins"
    )
    assert is_clusterset_admin((), OWNER)
    assert not is_clusterset_admin((bound("admin", ("shop",)), bound("operator")), ANN)
    assert is_clusterset_admin((bound("admin"),), ANN)
    assert ALWAYS.users == frozenset()


def test_everybody_who_is_known_reads_what_there_is_and_asks_of_himself() -> None:
    nobody = known("new", (), "token 2")
    for path in ("/api", "/apis", "/apis/fedmesh.dev/v1alpha1", "/version/", "/openapi/v3"):
        assert decide((), nobody, Attributes("get", path=path)).allowed, path
    for path, verb in (("/apis", "post"), ("/apisx", "get"), ("/v1/other", "get"), ("/", "get")):
        assert not decide((), nobody, Attributes(verb, path=path)).allowed, path
    review = Attributes("create", "authorization.k8s.io", "selfsubjectaccessreviews")
    assert decide((), nobody, review).allowed
    assert not decide((), nobody, replace(review, resource="subjectaccessreviews")).allowed
    assert not decide((), nobody, replace(review, verb="list")).allowed
    crds = Attributes("list", "apiextensions.k8s.io", "customresourcedefinitions")
    assert decide((), nobody, crds).allowed


def test_a_path_that_is_no_resource_is_for_admins_alone() -> None:
    asked = Attributes("get", path="/v1/something")
    assert [may(bound(role), asked) for role in ("viewer", "operator", "admin")] == [
        False,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("binding", "asked", "reason"),
    [
        (
            bound("viewer", ("shop", "pay")),
            Attributes("list", OURS, "trafficpolicies"),
            "user ann may not list trafficpolicies.fedmesh.dev: the role counts in namespaces pay, "
            "shop only, so list trafficpolicies.fedmesh.dev in namespace pay would be allowed",
        ),
        (
            bound("viewer", clusters=("east",)),
            Attributes("watch", OURS, "clusters"),
            "user ann may not watch clusters.fedmesh.dev: the role counts in cluster east only, "
            "so name one of them",
        ),
        (
            bound("operator", ("shop",)),
            Attributes("list", "", "namespaces"),
            "user ann may not list namespaces: the role counts in namespace shop only, so get "
            "namespace shop by its name",
        ),
        (
            bound("viewer"),
            Attributes("create", OURS, "clusters", "confirm", name="east"),
            'user ann may not create clusters.fedmesh.dev/confirm "east": no role of this user '
            "(viewer) allows it anywhere",
        ),
        (
            Binding("b", "admin", frozenset({"bob"})),
            POLICY,
            'user ann may not get trafficpolicies.fedmesh.dev "web" in namespace shop: no role '
            "binding is for this user or its groups",
        ),
    ],
)
def test_a_refusal_says_what_would_be_allowed(
    binding: Binding, asked: Attributes, reason: str
) -> None:
    decision = decide((binding,), ANN, asked)
    assert (decision.allowed, decision.reason) == (False, reason)


def test_bindings_are_read_from_documents_and_count_for_groups() -> None:
    spec = RoleBindingSpec.model_validate(
        {
            "role": "operator",
            "subjects": [{"kind": "Group", "name": "team-shop"}, {"kind": "User", "name": "bob"}],
            "namespaces": ["shop"],
        }
    )
    binding = binding_of("shop-operators", spec)
    allowed = decide((binding,), ANN, replace(POLICY, verb="patch"))
    assert allowed.reason == "role operator in namespace shop by rolebinding shop-operators"
    carl = known("carl", ("bob",), "token 3")
    assert not decide((binding,), carl, POLICY).allowed, "a group of a user's name is no user"
    assert decide((replace(binding, groups=frozenset({AUTHENTICATED})),), carl, POLICY).allowed


@pytest.mark.parametrize("group", ["system:masters", "fedmesh:admins", ""])
def test_no_document_gives_a_user_a_group_that_means_something_to_us(group: str) -> None:
    with pytest.raises(ValidationError, match="does not begin with system: or fedmesh:"):
        UserSpec.model_validate({"groups": ["team", group]})
    assert UserSpec.model_validate({"groups": ["team"]}).groups == ["team"]
