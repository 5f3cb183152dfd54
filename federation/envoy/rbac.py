"""Clusters that were revoked, as Envoy's HTTP filters see them: their requests are refused.

Taking the anchors of a trust domain away refuses new connections only. What is open is refused by
a rule in the routes, which reach open connections; the filter that obeys it must be in the chain
from the start, since a changed chain ends the connections of everybody.
"""

from collections.abc import Collection
from typing import Any as Message

from envoy.config.rbac.v3 import rbac_pb2
from envoy.extensions.filters.http.rbac.v3 import rbac_pb2 as filter_pb2

from federation.envoy.build import any_of, extension

_FILTER = "envoy.filters.http.rbac"


def obeying() -> dict[str, Message]:
    """The filter: lets everybody pass until the routes say otherwise."""
    return extension(_FILTER, filter_pb2.RBAC())


def refusing(trust_domains: Collection[str]) -> dict[str, Message]:
    """Settings of a virtual host that refuse every identity of these trust domains."""
    if not trust_domains:
        return {}
    principals = [
        {"authenticated": {"principal_name": {"prefix": f"spiffe://{domain}/"}}}
        for domain in sorted(trust_domains)
    ]
    policy = rbac_pb2.Policy(permissions=[{"any": True}], principals=principals)
    rules = rbac_pb2.RBAC(action="DENY", policies={"revoked": policy})
    per_route = filter_pb2.RBACPerRoute(rbac=filter_pb2.RBAC(rules=rules))
    return {"typed_per_filter_config": {_FILTER: any_of(per_route)}}
