"""A flood of refusals is told in few lines, and how many were left out is told too."""

import logging

import pytest

from federation.runtime.limited_log import BURST, LimitedLog

LOG = logging.getLogger("refusals")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_refusal_is_said_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    LimitedLog(LOG, Clock()).say("call refused", peer="10.0.0.1", reason="no token")
    assert [r.message for r in caplog.records] == ["call refused peer=10.0.0.1 reason='no token'"]


def test_a_flood_is_counted_and_said_with_the_next_line(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    said = LimitedLog(LOG, clock)
    for _ in range(BURST + 7):
        said.say("call refused")
    assert len(caplog.records) == BURST
    clock.now = 1.0
    said.say("call refused")
    assert caplog.records[-1].message == "call refused left_out_before=7"
    clock.now = 10.0
    said.say("call refused")
    assert caplog.records[-1].message == "call refused"
