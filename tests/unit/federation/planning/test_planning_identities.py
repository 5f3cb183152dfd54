"""Who may answer for a service: exact ids, by the operator's word. More in test_planning_plan."""

from federation.model.plans import Plan
from federation.planning.identities import stage
from federation.planning.stage import Known
from tests.unit import builders as b


def test_accounts_count_in_the_trust_domain_of_their_own_cluster_alone() -> None:
    clusters = (b.cluster("east"), b.cluster("west"))
    facts = b.facts(b.service("east", "west"), (b.backend("west", accounts=("api",)),), clusters)
    known = Known(facts, b.local_service(b.endpoint(account="own")), b.importer())
    plan, reasons = stage(known, Plan(b.API, (), ()))
    assert plan.identities == (
        "spiffe://east.mesh.test/ns/shop/sa/own",
        "spiffe://west.mesh.test/ns/shop/sa/api",
    )
    assert reasons == ()
