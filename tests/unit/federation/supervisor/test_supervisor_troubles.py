"""What a supervisor tells of its proxy: what it cannot do first, and no more than is taken."""

from pathlib import Path

from federation.model.proxies import NO_ENTRY, NO_LISTENER, Nack
from federation.model.types import CLUSTER, LISTENER
from federation.runtime.clock import utc_now
from federation.runtime.disk import Disk
from federation.supervisor.certificates.tokens import TokenEnds
from federation.supervisor.kept_admin import KeptAdmin
from federation.supervisor.listeners import Listeners
from federation.supervisor.relay import Relay
from federation.supervisor.troubles import Troubles
from federation.wire.codec.proxies import MAX_REFUSALS


def test_the_proxys_own_troubles_come_before_what_envoy_does_not_take(tmp_path: Path) -> None:
    relay = Relay("sidecar/a/b", tmp_path, [], lambda _: None, Disk())
    listeners = Listeners(KeptAdmin(tmp_path), relay, is_gateway=False)
    listeners._missing = {"outbound": "it is taken"}
    troubles = Troubles((), listeners, TokenEnds([]))
    entry = Nack(NO_ENTRY, "10.0.0.0/16", "not ours")
    envoy = [Nack(LISTENER, "outbound", "it is taken")]
    envoy += [Nack(CLUSTER, f"c{n}", "no such field") for n in range(2 * MAX_REFUSALS)]
    found = troubles.found([entry], [], envoy, utc_now())
    assert found[:2] == (entry, Nack(NO_LISTENER, "outbound", "it is taken"))
    assert found[2:] == tuple(envoy[1 : MAX_REFUSALS - 1])
