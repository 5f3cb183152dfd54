"""Every connection manager of gateways and sidecars, for tests of what all of them do."""

from typing import Any

from federation.envoy.split import Share
from federation.model.exports import AppProtocol
from federation.model.names import ClusterId
from federation.model.proxies import Upstream
from gateway.compile import compile_listener
from sidecar.compile import Inbound, InboundPort, compile_inbound
from sidecar.upstreams import Way, compile_upstream
from tests.unit import builders as b
from tests.unit.goldens import document

PORTS = tuple(
    InboundPort(f"{number}.api.shop.svc.clusterset.local", number, protocol)
    for number, protocol in ((80, AppProtocol.HTTP1), (90, AppProtocol.HTTP2))
)


def managers() -> list[dict[str, Any]]:
    """Every connection manager of gateways and sidecars."""
    way = Way(80, AppProtocol.HTTP1, (Share("out", 1),))
    made = (
        compile_listener("10.1.0.1", 15443, ClusterId("east"), "g"),
        *compile_inbound(Inbound("shop/api-1", "10.0.0.1", "127.0.0.1", PORTS, "127.0.0.1")),
        *compile_upstream(Upstream("10.9.0.1", 80, b.API, 80), way, strangers=True),
        *compile_upstream(Upstream("10.9.0.2", 80, b.API, 80), way),
    )
    documents = [document(body) for kind, _, body in made if kind.endswith(".Listener")]
    return [
        found["typed_config"]
        for listener in documents
        for chain in listener["filter_chains"]
        for found in chain["filters"]
        if "connection_manager" in found["name"]
    ]
