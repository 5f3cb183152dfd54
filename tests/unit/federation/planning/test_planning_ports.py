"""Which ports of a service proxies carry."""

from federation.model.exports import Transport
from federation.model.plans import Part, Plan
from federation.planning.ports import stage
from federation.planning.stage import Known
from tests.unit import builders as b


def test_tcp_ports_have_one_part_without_tiers_and_others_are_said() -> None:
    ports = (b.port(53, "dns", "", Transport.UDP), b.HTTP)
    known = Known(b.facts(b.service("east", ports=ports)), None, b.importer())
    plan, reasons = stage(known, Plan(b.API, (), ()))
    assert [(p.port, p.sni, p.parts) for p in plan.ports] == [
        (b.HTTP, "80.api.shop.svc.clusterset.local", (Part("default", 1, ()),))
    ]
    assert plan.default_port == 80
    assert [(r.stage, r.subject.port, r.what, r.why) for r in reasons] == [
        ("ports", 53, "left out", "proxies do not carry UDP")
    ]
