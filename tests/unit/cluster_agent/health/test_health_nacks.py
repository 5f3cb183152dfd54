"""What proxies refuse is said once in the log and known until it is taken or the proxy goes."""

from cluster_agent.health.nacks import MOST_NEWS, Nacks
from federation.model.observations import ProxyNack
from federation.model.proxies import Kind, Nack, Proxy, State

BAD = Nack("type/Cluster", "80.api", "no such field")
API = ProxyNack("sidecar shop/api-1", "type/Cluster", "80.api", "no such field", 7)


def sidecar(*refused: Nack, name: str = "shop/api-1") -> Proxy:
    return Proxy(name, Kind.SIDECAR, State.SERVING, "10.0.0.1", 15006, refused=refused)


def test_a_refusal_is_new_once_and_ends_when_the_proxy_takes_it() -> None:
    known = Nacks()
    assert known.record(sidecar(BAD), 7.0) == (API,)
    assert known.record(sidecar(BAD), 7.0) == ()
    assert known.all() == (API,)
    assert known.record(sidecar(), 8.0) == ()
    assert known.all() == ()


def test_a_proxy_that_goes_takes_its_refusals_along_and_no_others() -> None:
    known = Nacks()
    known.record(sidecar(BAD), 7.0)
    known.record(sidecar(BAD, name="shop/api-2"), 7.0)
    known.forget(Kind.GATEWAY, "shop/api-1")
    assert len(known.all()) == 2
    known.forget(Kind.SIDECAR, "shop/api-1")
    assert [r.proxy for r in known.all()] == ["sidecar shop/api-2"]


def test_one_that_refuses_everything_does_not_fill_the_log() -> None:
    known = Nacks()
    many = tuple(Nack("t", f"n{n}", "r") for n in range(100))
    assert len(known.record(sidecar(*many), 7.0)) == MOST_NEWS
    assert len(known.all()) == 100


def test_a_refusal_is_as_old_as_when_it_was_said_first() -> None:
    known = Nacks()
    known.record(sidecar(BAD), 7.0)
    known.record(sidecar(), 8.0)
    known.record(sidecar(Nack("type/Cluster", "80.api", "in other words")), 9.0)
    assert [r.since for r in known.all()] == [7], "gone for a moment, in other words"
