"""The list of what one may says what the decision says."""

from dataclasses import replace

from federation.api.kind import CREATE_ONLY, EVERY, ApiKind, Subresource
from federation.apiserver.access import OURS, Attributes, Binding, decide
from federation.apiserver.caller import known
from federation.apiserver.own_rules import OwnRule, open_paths, resources_of, rules_of

ANN = known("ann", (), "token 1")
CLUSTERS = ApiKind(
    OURS,
    "v1alpha1",
    "Cluster",
    "clusters",
    "cluster",
    False,
    EVERY,
    {},
    subresources=(Subresource("jointoken", CREATE_ONLY),),
)
POLICIES = replace(CLUSTERS, plural="trafficpolicies", namespaced=True, subresources=())
USERS = replace(CLUSTERS, plural="users", subresources=())
RESOURCES = resources_of((CLUSTERS, POLICIES, USERS))
EVERYWHERE = Binding("view", "viewer", frozenset({"ann"}))
IN_EAST = Binding("east", "operator", frozenset({"ann"}), clusters=frozenset({"east"}))


def of(rules: tuple[OwnRule, ...], resource: str) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    return [(rule.verbs, rule.names) for rule in rules if resource in rule.resources]


def test_each_rule_is_what_the_decision_allows_and_none_is_left_out() -> None:
    bindings = (
        EVERYWHERE,
        Binding("shop", "operator", frozenset({"ann"}), namespaces=frozenset({"shop"})),
    )
    for namespace in ("shop", "other"):
        rules = rules_of(bindings, ANN, namespace, RESOURCES)
        for resource in RESOURCES:
            base, _, sub = resource.name.partition("/")
            place = namespace if resource.namespaced else ""
            said = {verb for verbs, names in of(rules, resource.name) for verb in verbs}
            assert said == {
                verb
                for verb in resource.verbs
                if decide(bindings, ANN, Attributes(verb, OURS, base, sub, place)).allowed
            }
        assert of(rules, "users") == []


def test_what_is_allowed_of_single_clusters_has_their_names() -> None:
    rules = rules_of((EVERYWHERE, IN_EAST), ANN, "shop", RESOURCES)
    assert of(rules, "clusters") == [
        (("get", "list", "watch"), ()),
        (("get", "list", "watch", "create", "update", "patch"), ("east",)),
    ]
    assert of(rules, "clusters/jointoken") == [(("create",), ("east",))]


def test_everybody_finds_the_reviews_and_the_open_paths() -> None:
    rules = rules_of((), ANN, "shop", RESOURCES)
    assert {name for rule in rules for name in rule.resources} == {
        "selfsubjectaccessreviews",
        "selfsubjectrulesreviews",
        "selfsubjectreviews",
    }
    assert "/openapi/*" in open_paths()
