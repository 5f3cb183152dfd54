"""Who a proxy says it is, and whether its workload token lets it.

In: the text of a node, the subject of a token, the account of a workload. Out: a `Node`, or Denied.
"""

from federation.model.errors import Denied, InvalidInput
from federation.model.proxies import ENTRY_GATEWAY, Kind, Node
from federation.trust.spiffe import gateway_subject
from federation.wire.codec import proxies


def parse_node(text: str) -> Node:
    """The node of that text; raises InvalidInput."""
    kind, _, proxy_id = text.partition("/")
    if kind == ENTRY_GATEWAY and proxy_id:
        return Node(Kind.GATEWAY, proxies.parse_proxy_id(Kind.GATEWAY, proxy_id), True)
    if kind not in tuple(Kind) or not proxy_id:
        raise InvalidInput(f"node is {text[:80]!r}, but must be gateway/NAME or sidecar/NS/POD")
    return Node(Kind(kind), proxies.parse_proxy_id(Kind(kind), proxy_id))


def check_holder(subject: str, node: Node, runs_as: str | None) -> None:
    """Whether the holder of a token may speak for a proxy; raises Denied.

    `runs_as`: the account of the node's workload, None when that is not known.
    """
    if node.kind is Kind.GATEWAY:
        if subject != gateway_subject(node.id):
            raise Denied(f"the workload token is for {subject}, not for gateway {node.id}")
        return
    namespace, _, account = subject.partition("/")
    if not account or node.id.partition("/")[0] != namespace:
        raise Denied(f"the workload token is for {subject}, not for workload {node.id}")
    if runs_as not in (None, account):
        raise Denied(
            f"the workload token is for {subject}, but workload {node.id} runs as {runs_as}"
        )
