"""Answers of operations."""

import pytest

from federation.apiserver.openapi.names import META, ref
from federation.apiserver.openapi.responses import RESPONSES, errors, of_verb

ONE, MANY = ref("One"), ref("Many")


@pytest.mark.parametrize(
    ("verb", "good"),
    [
        ("get", {"200"}),
        ("list", {"200"}),
        ("create", {"201"}),
        ("update", {"200"}),
        ("patch", {"200", "201"}),
        ("delete", {"200"}),
        ("deletecollection", {"200"}),
    ],
)
def test_what_goes_well(verb: str, good: set[str]) -> None:
    found = of_verb(verb, ONE, MANY)
    assert {code for code in found if code < "300"} == good


def test_what_is_answered() -> None:
    def schema(verb: str) -> object:
        return of_verb(verb, ONE, MANY)["200"]["content"]["application/json"]["schema"]

    assert schema("get") == ONE
    assert schema("list") == schema("deletecollection") == MANY
    assert schema("delete") == {"anyOf": [ref(f"{META}.Status"), ONE]}


def test_a_watch_is_a_stream_of_events() -> None:
    content = of_verb("list", ONE, MANY, watches=True)["200"]["content"]
    assert content["application/json;stream=watch"]["schema"] == ref(f"{META}.WatchEvent")
    assert list(of_verb("list", ONE, MANY)["200"]["content"]) == ["application/json"]


def test_errors_are_status_objects() -> None:
    assert {"401", "403", "404", "429"} < set(errors("get"))
    assert "409" not in errors("get")
    assert {"409", "415", "422"} < set(errors("update"))
    for verb in ("get", "list", "patch"):
        for found in errors(verb).values():
            name = found["$ref"].removeprefix("#/components/responses/")
            content = RESPONSES[name]["content"]
            assert content["application/json"]["schema"] == ref(f"{META}.Status")
