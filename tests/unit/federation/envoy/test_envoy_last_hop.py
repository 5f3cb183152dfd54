"""What the last proxy does about heads, and for which answers it asks Lua at all."""

import re
from typing import Any

import pytest

from federation.envoy.http import REFUSED
from federation.envoy.last_hop import last_hop_filters
from federation.envoy.spoofing import UNREACHED
from tests.unit.goldens import document

Filter = dict[str, Any]


def filters(*marks: str, http2: bool) -> list[Filter]:
    return [
        document(found["typed_config"].SerializeToString())
        for found in last_hop_filters(*marks, http2=http2)
    ]


def script(of: Filter) -> str:
    passed = of.get("extension_config", {}).get("typed_config", of)
    return str(passed["default_source_code"]["inline_string"])


def is_met(predicate: Filter, answer: dict[str, str]) -> bool:
    """As Envoy judges it, for what is used here."""
    match predicate:
        case {"and_matcher": {"predicate": all_of}}:
            return all(is_met(one, answer) for one in all_of)
        case {"not_matcher": one}:
            return not is_met(one, answer)
        case _:
            one = predicate["single_predicate"]
            value = answer.get(one["input"]["typed_config"]["header_name"])
            regex = one["value_match"]["safe_regex"]["regex"]
            return value is not None and re.fullmatch(regex, value) is not None


def is_skipped(of: Filter, answer: dict[str, str]) -> bool:
    (only,) = of["xds_matcher"]["matcher_list"]["matchers"]
    assert only["on_match"]["action"]["typed_config"]["@type"].endswith(".SkipFilter")
    return is_met(only["predicate"], answer)


def test_a_marked_answer_ends_the_connection_it_came_on() -> None:
    """A new connection through the gateway leads to another workload."""
    (found,) = filters(UNREACHED, REFUSED, http2=False)
    text = script(found)
    assert f'get("{UNREACHED}")' in text
    assert f'get("{REFUSED}")' in text
    assert "drainConnectionUponCompletion" in text


@pytest.mark.parametrize("http2", [True, False])
def test_requests_are_looked_through_only_before_an_application_of_http2(http2: bool) -> None:
    *requests, answers = filters("a", http2=http2)
    assert [("envoy_on_request" in script(found)) for found in requests] == [True] * http2
    assert not any("xds_matcher" in found for found in requests)
    assert "envoy_on_request" not in script(answers)
    assert 'headers:replace(":status", "502")' in script(answers)


@pytest.mark.parametrize("marks", [(UNREACHED, REFUSED), (REFUSED,)])
@pytest.mark.parametrize(
    ("answer", "usual"),
    [
        *[({":status": status}, True) for status in ("200", "101", "404", "503", "999")],
        *[({":status": status}, False) for status in ("", "20", "099", "2000", "2x0")],
        ({":status": "403", REFUSED: "1"}, False),
        ({":status": "403", REFUSED: ""}, False),
        ({":status": "200", "x-other": "1"}, True),
    ],
)
def test_lua_runs_only_for_answers_that_are_not_as_usual(
    marks: tuple[str, ...], answer: dict[str, str], usual: bool
) -> None:
    (found,) = filters(*marks, http2=False)
    assert is_skipped(found, answer) is usual


def test_each_mark_is_seen_alone() -> None:
    (found,) = filters(UNREACHED, REFUSED, http2=False)
    assert not is_skipped(found, {":status": "503", UNREACHED: "1"})
