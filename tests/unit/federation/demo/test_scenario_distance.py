"""Over distance: the second cluster is 300 ms away, and its link is what is struck."""

import pytest

from federation.demo.layout import members, plan_layout
from federation.demo.scenarios.distance import UPLOAD_BYTES, far_layout, steps

LAYOUT = far_layout(plan_layout())


def test_the_second_cluster_is_far_and_answers() -> None:
    assert [site.rtt for site in LAYOUT.sites] == [0.0, 0.3, 0.0]
    assert {step.home.cluster for step in steps(LAYOUT, 200.0)} == {"us-west"}
    assert "us-west-link" in {member.name for member in members(LAYOUT)}


@pytest.mark.parametrize(("number", "seconds"), [(0, 3.0), (1, 4.0)])
def test_losing_the_link_costs_some_seconds_at_most(number: int, seconds: float) -> None:
    step = steps(LAYOUT, 200.0)[number]
    for flow in step.flows:
        promise = step.promise("lost", flow)
        assert (promise.failed, promise.worst, promise.shifted) == (0, seconds, seconds)


def test_an_upload_of_8_megabytes_has_time_to_complete() -> None:
    (upload,) = (f for f in steps(LAYOUT, 200.0)[2].flows if f.body_bytes)
    assert upload.body_bytes == UPLOAD_BYTES == 8 << 20
    assert upload.timeout > upload.body_bytes * 8 / 10e6
