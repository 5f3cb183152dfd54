"""Whatever a text is, there is something to say of it."""

import pytest

from cluster_agent.source.objects import Key, Problem
from cluster_agent.source.parsed import broken, parse

TEXT = "apiVersion: v1\nkind: Service\nmetadata: {name: NAME}\nspec: {ports: [{port: 80}]}\n"


def test_objects_come_with_their_places() -> None:
    found = parse("a.yaml", TEXT.replace("NAME", "api") + "---\n" + TEXT.replace("NAME", "web"))
    keys = (Key("Service", "default", "api"), Key("Service", "default", "web"))
    assert [(key, place) for key, (_, place) in found.objects.items()] == [
        (keys[0], "a.yaml:1"),
        (keys[1], "a.yaml:6"),
    ]
    assert (found.fault, found.is_blank) == (None, False)


@pytest.mark.parametrize("text", ["", " \n\n", "\t\n"])
def test_a_text_without_text_is_blank_and_no_fault(text: str) -> None:
    found = parse("a.yaml", text)
    assert (found.is_blank, found.objects, found.fault) == (True, {}, None)
    assert not parse("a.yaml", "# a comment").is_blank


def test_a_fault_says_where_it_is() -> None:
    twice = TEXT + "---\n" + TEXT
    assert parse("a.yaml", "a: [").fault == Problem(
        "a.yaml:1",
        "this is not YAML: did not find expected node content while parsing a flow node (column 1)",
    )
    assert parse("a.yaml", twice.replace("NAME", "api")).fault == Problem(
        "a.yaml:6", "Service default/api is already in a.yaml:1"
    )
    assert broken("a.yaml: it: is").fault == Problem("a.yaml", "it: is")
