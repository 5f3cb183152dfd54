"""A call ends once, and an answer names who gave it."""

import pytest

from federation.verify.call import Call, who_answered
from federation.verify.history import Record


def call(over: list[Record]) -> Call:
    return Call("run-1", 5.0, 5.01, over.append)


def test_an_answer_becomes_a_record() -> None:
    over: list[Record] = []
    call(over).answered(200, ("us-east", "api-1"), 5.02)
    assert over == [Record("run-1", 5.0, 5.01, 5.02, 200, "", "us-east", "api-1")]


def test_a_late_answer_does_not_end_a_call_a_second_time() -> None:
    over: list[Record] = []
    one = call(over)
    one.failed("timeout", 9.0)
    one.failed("closed", 9.1)
    one.answered(200, ("us-east", "api-1"), 9.2)
    assert [r.error for r in over] == ["timeout"]
    assert over[0].failed


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"3", b"{}"])
def test_an_answer_of_somebody_else_names_nobody(body: bytes) -> None:
    assert who_answered(body) == ("", "")


def test_the_application_names_itself() -> None:
    assert who_answered(b'{"cluster": "c", "workload": "w", "x": 1}') == ("c", "w")
