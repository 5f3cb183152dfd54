"""What people read on their ServiceExport, in the words of the MCS API."""

from dataclasses import replace

from cluster_agent.observe.conditions import HONOURED, conditions, oddities
from cluster_agent.observe.service import VALID, Observed
from cluster_agent.source.objects import Condition
from federation.model.facts import Disagreement
from federation.model.names import ClusterId
from tests.unit.builders import service

EAST = ClusterId("east")


def short(found: tuple[Condition, ...]) -> list[tuple[str, str, str]]:
    return [(c.type, c.status, c.reason) for c in found]


def test_an_export_that_is_confirmed_is_ready() -> None:
    found = conditions(VALID, service("east", "west"), "", EAST)
    ready, conflict = ("Ready", "True", "Exported"), ("Conflict", "False", "NoConflicts")
    assert short(found) == [("Valid", "True", "Valid"), ready, conflict]
    assert found[1].message == "exported to the clusterset by east, west"


def test_an_export_is_pending_until_the_controller_lists_this_cluster() -> None:
    pending = [("Valid", "True", "Valid"), ("Ready", "False", "Pending")]
    assert short(conditions(VALID, None, "", EAST)) == pending
    assert short(conditions(VALID, service("west"), "", EAST)) == pending


def test_an_invalid_export_says_why_and_is_not_ready() -> None:
    invalid = Condition("Valid", "False", "NoService", "there is no Service")
    found = conditions(invalid, service("east"), "", EAST)
    assert found[0] is invalid
    assert short(found)[1:] == [("Ready", "False", "Failed")]


def test_the_controllers_refusal_is_shown_in_its_own_words() -> None:
    found = conditions(VALID, service("east"), "namespace shop may not be exported", EAST)
    assert short(found) == [("Valid", "False", "NotAllowed"), ("Ready", "False", "Failed")]
    assert found[0].message == "namespace shop may not be exported"


def test_conflicts_are_listed_each_reason_once() -> None:
    disagreements = (
        Disagreement("PortConflict", "port 80"),
        Disagreement("PortConflict", "port 81"),
        Disagreement("TypeConflict", "type"),
    )
    merged = replace(service("east"), conflicts=disagreements)
    conflict = conditions(VALID, merged, "", EAST)[2]
    assert (conflict.status, conflict.reason) == ("True", "PortConflict,TypeConflict")
    assert conflict.message == "port 80; port 81; type"


def test_an_export_that_nobody_can_call_says_why_instead_of_exported() -> None:
    why = Condition("Ready", "False", "NoPorts", "Service shop/api has no ports")
    found = conditions(VALID, service("east"), "", EAST, hollow=why, remarks=("spec.prts",))
    assert short(found)[1] == ("Ready", "False", "NoPorts")
    assert found[1].message == "Service shop/api has no ports; spec.prts"
    pending = conditions(VALID, None, "", EAST, hollow=why)
    assert short(pending)[1] == ("Ready", "False", "Pending")


def test_what_has_no_effect_is_said_beside_what_has() -> None:
    remarks = tuple(f"remark {number}" for number in range(7))
    found = conditions(VALID, service("east"), "", EAST, remarks=remarks)
    assert short(found)[1] == ("Ready", "True", "Exported")
    assert found[1].message.startswith("exported to the clusterset by east; remark 0; remark 1;")
    assert found[1].message.endswith("remark 4; and 2 more")


def test_messages_fit_into_what_kubernetes_takes() -> None:
    assert len(conditions(VALID, None, "x" * 100_000, EAST)[0].message) == 32_768


def test_a_port_that_gets_no_requests_here_is_said() -> None:
    merged = replace(service("east", "west"), unserved=((EAST, (80, 81)),))
    ready = conditions(VALID, merged, "", EAST)[1]
    assert (ready.status, ready.message) == (
        "True",
        "exported to the clusterset by east, west; no requests come here for port 80, 81, see the "
        "condition Conflict",
    )
    assert conditions(VALID, merged, "", ClusterId("west"))[1].message.endswith("by east, west")


def test_what_the_mesh_does_not_do_of_a_service_is_said_and_nothing_else_is() -> None:
    assert HONOURED not in {c.type for c in conditions(VALID, service("east"), "", EAST)}
    merged = replace(service("east"), session_affinity="ClientIP", internal_traffic_policy="Local")
    said = conditions(VALID, merged, "", EAST)[-1]
    assert (said.type, said.status, said.reason) == (HONOURED, "False", "NotSupported")
    assert "sessionAffinity ClientIP" in said.message
    assert "internalTrafficPolicy Local" in said.message


def test_what_makes_an_export_odd_is_told_each_with_its_sentence() -> None:
    seen = Observed(None, None, None, VALID)
    assert oddities(seen) == ()
    limited = replace(VALID, message="without 2 endpoints")
    why = Condition("Ready", "False", "NoEndpointSlices", "there is no EndpointSlice")
    odd = oddities(replace(seen, valid=limited, hollow=why, remarks=("spec.prts is not known",)))
    assert odd[:2] == (limited, why)
    assert "spec.prts is not known" in odd[2].message
    assert oddities(replace(seen, valid=None)) == ()
