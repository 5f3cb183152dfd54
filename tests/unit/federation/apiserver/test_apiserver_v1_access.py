"""Every call under /v1 needs the role that its effect needs."""

from typing import Any, cast

import pytest

from federation.api.v1alpha1.access import Role
from federation.apiserver.access import ROLES, Binding, decide
from federation.apiserver.caller import known
from federation.apiserver.routes import all_routes
from federation.apiserver.v1_access import attributes_of

ANN = known("ann", (), "token 1")
OPEN = {"/healthz", "/v1/trust/root", "/v1/join"}
LEAST: dict[tuple[str, str], Role] = {
    ("GET", "/v1/clusters"): "viewer",
    ("GET", "/v1/trust"): "viewer",
    ("GET", "/v1/join-tokens"): "viewer",
    ("GET", "/v1/services"): "viewer",
    ("GET", "/v1/status"): "viewer",
    ("PUT", "/v1/clusters/{cluster}"): "operator",
    ("PATCH", "/v1/clusters/{cluster}"): "operator",
    ("POST", "/v1/clusters/{cluster}/confirm"): "operator",
    ("POST", "/v1/join-tokens"): "operator",
    ("DELETE", "/v1/join-tokens/{id}"): "operator",
    ("DELETE", "/v1/clusters/{cluster}"): "admin",
    ("POST", "/v1/trust/{cluster}/revoke"): "admin",
    ("POST", "/v1/trust/{cluster}/rekey"): "admin",
    ("GET", "/v1/audit"): "admin",
    ("POST", "/v1/backup"): "admin",
}


def routes() -> list[tuple[str, str]]:
    found = all_routes(cast(Any, None))
    return [(r.method, r.path) for r in found if r.path not in OPEN]


def roles_for(method: str, path: str) -> list[Role]:
    asked = attributes_of(method, path)
    bindings = [Binding("b", role, frozenset({"ann"})) for role in ROLES]
    return [b.role for b in bindings if decide((b,), ANN, asked).allowed]


def test_the_table_has_every_call() -> None:
    assert set(routes()) == set(LEAST)


@pytest.mark.parametrize(("method", "path"), sorted(LEAST))
def test_a_call_needs_this_role_and_a_higher_one_does(method: str, path: str) -> None:
    roles = list(ROLES)
    asked = path.replace("{cluster}", "east").replace("{id}", "12")
    assert roles_for(method, asked) == roles[roles.index(LEAST[method, path]) :]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/new"),
        ("GET", "/v1/clusters/"),
        ("DELETE", "/v1/clusters"),
        ("POST", "/v1/clusters/a/b/confirm"),
        ("GET", "/v1/clusters\n"),
    ],
)
def test_what_has_no_row_is_for_admins(method: str, path: str) -> None:
    assert attributes_of(method, path).resource == ""
    assert roles_for(method, path) == ["admin"]


def test_a_role_in_one_cluster_counts_for_its_calls() -> None:
    binding = Binding("b", "operator", frozenset({"ann"}), clusters=frozenset({"east"}))
    for cluster, allowed in (("east", True), ("west", False)):
        asked = attributes_of("PATCH", f"/v1/clusters/{cluster}")
        assert decide((binding,), ANN, asked).allowed is allowed
    assert attributes_of("HEAD", "/v1/status") == attributes_of("GET", "/v1/status")
