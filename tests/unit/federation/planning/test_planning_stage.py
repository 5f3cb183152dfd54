"""How stages are put together."""

from federation.model.plans import Plan, Reason, Subject, Tier
from federation.planning.plan import STAGES, plan_service
from federation.planning.stage import Known, each_part
from tests.unit import builders as b

FACTS = b.facts(
    b.service("west"), (b.backend("west"),), (b.cluster("west", gateways=(b.gateway(),)),)
)


def test_other_tiers_and_all_reasons_come_out_and_the_rest_stays() -> None:
    before = plan_service(FACTS, None, b.importer())
    why = Reason("test", Subject(80), "nothing", "for the test")
    after, reasons = each_part(before, lambda _, part: (part.tiers * 2, (why,)))
    assert [len(part.tiers) for port in after.ports for part in port.parts] == [2]
    assert reasons == (why,)
    assert each_part(before, lambda _, part: (part.tiers, ()))[0] == before


def test_a_plan_has_the_reasons_of_its_stages_in_their_order_and_is_equal_without_them() -> None:
    known = Known(FACTS, None, b.importer())
    plan = Plan(b.API, (), ())
    said: list[Reason] = []
    for stage in STAGES:
        plan, reasons = stage(known, plan)
        said += reasons
    found = plan_service(FACTS, None, b.importer())
    assert found == plan
    assert found.reasons == tuple(said)
    assert plan.reasons == ()


def test_stages_are_pure() -> None:
    known = Known(FACTS, None, b.importer())
    plan = Plan(b.API, (), ())
    for stage in STAGES:
        assert stage(known, plan) == stage(known, plan)
        plan, _ = stage(known, plan)
    assert isinstance(plan.ports[0].parts[0].tiers[0], Tier)
