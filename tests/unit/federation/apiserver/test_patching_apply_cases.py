"""Who owns what after writes of several managers: what structured-merge-diff is tested for."""

from datetime import UTC, datetime
from typing import Any

import pytest

from federation.apiserver.patching.managers import apply, track_update
from tests.unit.federation.apiserver.patching_schema import SCHEMA, VERSION, document

Json = dict[str, Any]
Step = tuple[str, str, Json]

NOW = datetime(2026, 1, 1, tzinfo=UTC)

A = 'k:{"name":"a","protocol":"TCP"}'
B = 'k:{"name":"b","protocol":"TCP"}'
NAMED: Json = {".": {}, "f:name": {}}


def after(steps: list[Step]) -> Json:
    live: Json | None = None
    for verb, manager, spec in steps:
        if verb == "update":
            metadata = (live or document())["metadata"]
            made = {**document(spec), "metadata": metadata}
            live = track_update(live, made, manager, VERSION, schema=SCHEMA, now=NOW)
        else:
            applied = document(spec)
            forced = verb == "force"
            live = apply(live, applied, manager, force=forced, schema=SCHEMA, now=NOW).object
    return live or {}


CASES: dict[str, tuple[list[Step], Json, Json]] = {
    "an item that another owns stays, without what was applied in it": (
        [
            ("apply", "one", {"ports": [{"name": "a"}, {"name": "b", "zones": ["c"]}]}),
            ("apply", "two", {"ports": [{"name": "b", "zones": ["d"]}]}),
            ("apply", "one", {"ports": [{"name": "a"}]}),
        ],
        {"ports": [{"name": "a"}, {"name": "b", "zones": ["d"]}]},
        {
            "one": {"f:ports": {A: NAMED}},
            "two": {"f:ports": {B: {**NAMED, "f:zones": {'v:"d"': {}}}}},
        },
    ),
    "what a controller added to an item stays while another owns the item": (
        [
            ("apply", "one", {"ports": [{"name": "a"}, {"name": "b", "zones": ["c"]}]}),
            ("apply", "two", {"ports": [{"name": "b", "zones": ["d"]}]}),
            ("update", "ctl", {"ports": [{"name": "a"}, {"name": "b", "zones": ["c", "d", "e"]}]}),
            ("apply", "one", {"ports": [{"name": "a"}]}),
        ],
        {"ports": [{"name": "a"}, {"name": "b", "zones": ["d", "e"]}]},
        {
            "one": {"f:ports": {A: NAMED}},
            "two": {"f:ports": {B: {**NAMED, "f:zones": {'v:"d"': {}}}}},
            "ctl": {"f:ports": {B: {"f:zones": {'v:"e"': {}}}}},
        },
    ),
    "an item of one owner goes with what a controller added to it": (
        [
            ("apply", "one", {"ports": [{"name": "a"}, {"name": "b", "zones": ["c"]}]}),
            ("update", "ctl", {"ports": [{"name": "a"}, {"name": "b", "zones": ["c", "d"]}]}),
            ("apply", "one", {"ports": [{"name": "a"}]}),
        ],
        {"ports": [{"name": "a"}]},
        {"one": {"f:ports": {A: NAMED}}},
    ),
    "what an updater owns as well stays": (
        [
            ("update", "ctl", {"mode": "a", "count": 1}),
            ("apply", "one", {"mode": "a", "count": 1}),
            ("apply", "one", {"mode": "a"}),
        ],
        {"mode": "a", "count": 1},
        {"ctl": {".": {}, "f:mode": {}, "f:count": {}}, "one": {"f:mode": {}}},
    ),
    "a member of a map goes with what a controller put below it": (
        [
            ("apply", "one", {"free": {"a": {"b": None}, "c": {"d": None}}}),
            ("apply", "two", {"free": {"a": None, "c": {"d": None}}}),
            ("update", "ctl", {"free": {"a": {"b": {"c": None}}, "c": {"d": {"e": None}}}}),
            ("apply", "one", {"free": None}),
        ],
        {"free": {"a": {}, "c": {"d": {"e": None}}}},
        {
            "one": {"f:free": {}},
            "two": {"f:free": {"f:a": {}, "f:c": {".": {}, "f:d": {}}}},
            "ctl": {"f:free": {"f:c": {"f:d": {"f:e": {}}}}},
        },
    ),
    "null takes nothing out of an object": (
        [
            ("apply", "one", {"weights": {"a": 1}}),
            ("update", "ctl", {"weights": {"a": 1, "b": 2}}),
            ("apply", "one", {"weights": None}),
        ],
        {"weights": {"b": 2}},
        {"one": {"f:weights": {}}, "ctl": {"f:weights": {"f:b": {}}}},
    ),
    "an empty object takes nothing out either": (
        [
            ("apply", "one", {"weights": {"a": 1}}),
            ("update", "ctl", {"weights": {"a": 2, "b": 2}}),
            ("apply", "one", {"weights": {}}),
        ],
        {"weights": {"a": 2, "b": 2}},
        {"one": {"f:weights": {}}, "ctl": {"f:weights": {"f:a": {}, "f:b": {}}}},
    ),
    "who deletes an item owns nothing of it, nor does anybody": (
        [
            ("apply", "one", {"ports": [{"name": "a"}, {"name": "b"}]}),
            ("update", "ctl", {"ports": [{"name": "a"}]}),
        ],
        {"ports": [{"name": "a"}]},
        {"one": {"f:ports": {A: NAMED}}},
    ),
    "what is applied in another order is in that order, around the items of others": (
        [
            ("apply", "one", {"zones": ["a", "b"]}),
            ("apply", "two", {"zones": ["x"]}),
            ("apply", "one", {"zones": ["b", "c", "a"]}),
        ],
        {"zones": ["b", "c", "a", "x"]},
        {
            "one": {"f:zones": {'v:"a"': {}, 'v:"b"': {}, 'v:"c"': {}}},
            "two": {"f:zones": {'v:"x"': {}}},
        },
    ),
    "an item that is there twice is one piece, and what is applied takes its place": (
        [
            ("update", "ctl", {"ports": [{"name": "a", "port": 1}, {"name": "a"}, {"name": "b"}]}),
            ("force", "one", {"ports": [{"name": "a", "port": 3}]}),
        ],
        {"ports": [{"name": "a", "port": 3}, {"name": "b"}]},
        {
            "one": {"f:ports": {A: {**NAMED, "f:port": {}}}},
            "ctl": {".": {}, "f:ports": {".": {}, B: NAMED}},
        },
    ),
    "a value that is there twice stays when another is applied": (
        [("update", "ctl", {"zones": ["a", "a", "b"]}), ("apply", "one", {"zones": ["c"]})],
        {"zones": ["a", "a", "b", "c"]},
        {
            "one": {"f:zones": {'v:"c"': {}}},
            "ctl": {".": {}, "f:zones": {".": {}, 'v:"a"': {}, 'v:"b"': {}}},
        },
    ),
    "who puts an item there twice takes it": (
        [
            ("update", "ctl", {"ports": [{"name": "a", "port": 1}, {"name": "b"}]}),
            ("update", "two", {"ports": [{"name": "a", "port": 1}, {"name": "a"}, {"name": "b"}]}),
        ],
        {"ports": [{"name": "a", "port": 1}, {"name": "a"}, {"name": "b"}]},
        {
            "ctl": {".": {}, "f:ports": {".": {}, B: NAMED}},
            "two": {"f:ports": {A: {}}},
        },
    ),
    "what was put there twice stays when who applied it lets go": (
        [
            ("apply", "one", {"ports": [{"name": "a", "port": 1}, {"name": "b"}]}),
            ("update", "ctl", {"ports": [{"name": "a", "port": 1}, {"name": "a"}, {"name": "b"}]}),
            ("apply", "one", {"ports": [{"name": "b"}]}),
        ],
        {"ports": [{"name": "a", "port": 1}, {"name": "a"}, {"name": "b"}]},
        {"one": {"f:ports": {B: NAMED}}, "ctl": {"f:ports": {A: {}}}},
    ),
    "force takes a list of one piece away": (
        [("apply", "one", {"list": [1], "mode": "a"}), ("force", "two", {"list": [2]})],
        {"list": [2], "mode": "a"},
        {"one": {"f:mode": {}}, "two": {"f:list": {}}},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_who_owns_what(name: str) -> None:
    steps, spec, owners = CASES[name]
    found = after(steps)
    assert found["spec"] == spec
    entries = found["metadata"]["managedFields"]
    assert {e["manager"]: e["fieldsV1"].get("f:spec") for e in entries} == owners
