"""A Status becomes one sentence with its causes, and the error with its exit code."""

import pytest

from federation.client.statuses import Expired, is_final, status_error
from federation.model.errors import (
    Busy,
    Conflict,
    Denied,
    Failed,
    FedmeshError,
    InvalidInput,
    NotReady,
)


def status(code: int, message: str, *causes: dict[str, str]) -> dict[str, object]:
    return {
        "kind": "Status",
        "code": code,
        "message": message,
        "details": {"causes": list(causes)},
    }


@pytest.mark.parametrize(
    ("code", "kind", "exit_code"),
    [
        (400, InvalidInput, 2), (401, Denied, 4), (403, Denied, 4), (404, NotReady, 8),
        (405, Failed, 1), (409, Conflict, 1), (410, Expired, 1), (413, InvalidInput, 2),
        (415, InvalidInput, 2), (422, InvalidInput, 2), (429, Busy, 8), (500, Failed, 1),
        (503, Busy, 8),
    ],
)  # fmt: skip
def test_each_status_has_its_error(code: int, kind: type[FedmeshError], exit_code: int) -> None:
    error = status_error(code, status(code, "the reason"), "GET /x")
    assert (type(error), error.exit_code) == (kind, exit_code)
    assert str(error).startswith("the reason")
    assert is_final(error) is (kind in (InvalidInput, Denied))


def test_causes_are_said_that_the_message_does_not_have() -> None:
    known = {"field": "spec.mode", "message": "must be None"}
    other = {"field": ".spec.order", "message": 'conflict with "kubectl"'}
    error = status_error(409, status(409, "spec.mode: must be None", known, other), "PATCH /x")
    assert str(error) == 'spec.mode: must be None; .spec.order: conflict with "kubectl"'


def test_causes_are_bounded_and_cannot_look_like_lines_of_fedctl() -> None:
    causes = [{"field": f"f{n}", "message": "is\nwrong"} for n in range(12)]
    said = str(status_error(422, status(422, "no", *causes), "PATCH /x"))
    assert said.endswith(r"f9: is\nwrong; and 2 more")
    assert "\n" not in said


@pytest.mark.parametrize("answer", [None, [], {}, {"kind": "Status"}, {"message": "no Status"}])
def test_an_answer_without_a_reason_names_the_call(answer: object) -> None:
    assert str(status_error(502, answer, "GET /x")) == "GET /x answered 502 without a reason"
