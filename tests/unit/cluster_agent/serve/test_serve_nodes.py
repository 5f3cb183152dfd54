"""Who a proxy says it is, and for whom a token may speak."""

import pytest

from cluster_agent.serve.nodes import check_holder, parse_node
from federation.model.errors import Denied, InvalidInput
from federation.model.proxies import Kind, Node

API = Node(Kind.SIDECAR, "shop/api-1")


def test_a_node_is_a_gateway_one_with_entry_or_a_sidecar() -> None:
    assert parse_node("gateway/gw") == Node(Kind.GATEWAY, "gw")
    assert parse_node("entry-gateway/gw").has_entry
    assert parse_node("sidecar/shop/api-1") == API


@pytest.mark.parametrize("text", ["", "gateway", "gateway/", "robot/x", "sidecar/shop"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_node(text)


@pytest.mark.parametrize(
    ("subject", "node", "runs_as"),
    [
        ("shop/api", API, "web"),
        ("pay/api", API, None),
        ("gateway:gw", API, None),
        ("shop/api", Node(Kind.GATEWAY, "gw"), None),
        ("gateway:other", Node(Kind.GATEWAY, "gw"), None),
    ],
)
def test_a_token_speaks_for_nobody_else(subject: str, node: Node, runs_as: str | None) -> None:
    with pytest.raises(Denied, match=f"^the workload token is for {subject}, "):
        check_holder(subject, node, runs_as)


def test_a_token_speaks_for_its_own_whether_the_workload_is_known_or_not() -> None:
    """Nothing is raised."""
    check_holder("shop/api", API, "api")
    check_holder("shop/api", API, None)
    check_holder("gateway:gw", Node(Kind.GATEWAY, "gw"), None)
