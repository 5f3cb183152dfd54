"""What a TrafficPolicy may say."""

from typing import Any

import pytest
from pydantic import ValidationError

from federation.api.base import explain
from federation.api.v1alpha1.traffic_policy import MOST_TARGETS, MOST_TIERS, TrafficPolicySpec


def test_a_policy_that_says_nothing_keeps_locality() -> None:
    spec = TrafficPolicySpec.model_validate({})
    assert (spec.mode, spec.order, spec.targets) == ("Locality", [], [])


def test_an_order_is_read() -> None:
    order: list[dict[str, Any]] = [{"sameAsImporter": ["Region"]}, {"labels": {"tier": "a"}}, {}]
    spec = TrafficPolicySpec.model_validate({"mode": "Ordered", "order": order})
    assert [tier.same_as_importer for tier in spec.order] == [["Region"], [], []]


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"mode": "Ordered"}, "order is missing"),
        ({"order": [{}]}, "order is there"),
        ({"mode": "Nearest"}, "mode is 'Nearest', but must be 'Locality', 'Ordered' or 'None'"),
        ({"mode": "Ordered", "order": [{}] * (MOST_TIERS + 1)}, "at most 16"),
        ({"targetRefs": [{"kind": "Service", "name": "a"}] * (MOST_TARGETS + 1)}, "at most 16"),
        ({"targetRefs": [{"kind": "Pod", "name": "a"}]}, "targetRefs[0].kind is 'Pod'"),
        ({"targetRefs": [{"kind": "Service", "name": "A"}]}, "targetRefs[0].name is 'A'"),
        ({"weight": 1}, "weight is not a known field"),
    ],
)
def test_what_cannot_be_is_refused(spec: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError) as error:
        TrafficPolicySpec.model_validate(spec)
    assert why in explain(error.value)
