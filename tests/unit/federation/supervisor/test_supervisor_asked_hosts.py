"""Which host leads to which import, and what the agent has said of those."""

from federation.model.imports import Import
from federation.supervisor.asked_hosts import NONE, AskedHosts, KnownImports, hosts_in
from federation.xds.messages import Request

FOUND = Import(b"host", ("out~", "far~"), ("any~",))


def test_hosts_are_those_that_envoy_asks_for_or_says_it_has() -> None:
    has = {"outbound/a.shop": "1", "outbound/gone.shop": NONE, "outbound/-": "1"}
    request = Request("t", subscribe=("*", "outbound/b.shop", "outbound"), initial_versions=has)
    assert hosts_in(request) == ["a.shop", "b.shop"]


def test_all_forms_of_a_host_lead_to_one_import() -> None:
    hosts = AskedHosts(KnownImports())
    assert hosts.add("api.shop") == hosts.add("api.shop.svc") == "api.shop"
    assert hosts.leading_to("api.shop") == ("api.shop", "api.shop.svc")
    assert hosts.imports() == ("api.shop",)
    assert hosts.drop(["api.shop"]) == []
    assert hosts.drop(["api.shop.svc"]) == ["api.shop"]
    assert not len(hosts)


def test_a_host_that_is_none_is_remembered_and_leads_nowhere() -> None:
    known = KnownImports()
    hosts = AskedHosts(known)
    assert hosts.add("no host") is None
    assert "no host" in hosts
    assert hosts.imports() == ()
    assert known.leads_nowhere(hosts.import_of("no host"))
    assert hosts.drop(["no host"]) == []


def test_what_nothing_was_said_of_leads_neither_somewhere_nor_nowhere() -> None:
    known = KnownImports()
    assert "api.shop" not in known
    assert not known.leads_nowhere("api.shop")
    assert known.get("api.shop") is None


def test_an_import_is_found_then_missing_then_found_again() -> None:
    known = KnownImports()
    assert known.learn("api.shop", FOUND) is None
    assert known.get("api.shop") == FOUND
    assert known.made_of("any~") == ("out~", "far~")
    known.miss("api.shop")
    assert known.leads_nowhere("api.shop")
    assert known.made_of("any~") == ()
    known.learn("api.shop", FOUND)
    assert not known.leads_nowhere("api.shop")
    assert known.learn("api.shop", FOUND) == FOUND
    known.forget(["api.shop"])
    assert "api.shop" not in known
    assert list(known) == []


def test_a_tcp_port_is_known_and_called_by_no_host() -> None:
    known = KnownImports()
    known.learn("db.shop:5432", Import(b"", ("out~",)))
    assert known.leads_nowhere("db.shop:5432")
    assert "db.shop:5432" in known
