"""Selectors: what they select is never more than the one name by which they were judged."""

import asyncio
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from federation.api.kinds import CLUSTER
from federation.apiserver.selectors import name_wanted, of_fields
from federation.apiserver.statuses import StatusError
from tests.unit.fakes.api_world import api_world

POLICIES = "/apis/fedmesh.dev/v1alpha1/namespaces/shop/trafficpolicies"

_TEXTS = st.lists(
    st.sampled_from(
        ["metadata.name", "metadata.namespace", "=", "==", "!=", ",", "\\,", "\\", "east", "west"]
    ),
    max_size=12,
).map("".join)


@given(_TEXTS)
@example("metadata.namespace!=x\\,metadata.name=east")
def test_nothing_but_the_one_name_is_selected(text: str) -> None:
    try:
        name, judge = name_wanted(text), of_fields(text, CLUSTER)
    except StatusError:
        return
    for other in ("east", "west"):
        is_selected = judge is None or judge({"metadata": {"name": other}})
        assert not (name and is_selected) or name == other


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("metadata.name=east", "east"),
        ("metadata.namespace=,metadata.name==east", "east"),
        ("metadata.name!=east", ""),
        ("metadata.namespace!=x\\,metadata.name=east", ""),  # one value with a comma in it
        ("", ""),
    ],
)
def test_a_name_is_wanted_by_a_field_of_its_own(text: str, name: str) -> None:
    assert name_wanted(text) == name


def test_a_selector_that_is_given_twice_deletes_by_the_one_that_was_judged() -> None:
    async def act() -> list[str]:
        async with api_world() as world:
            for name in ("near", "far"):
                await world.ask("POST", POLICIES, {"metadata": {"name": name}})
            twice = f"fieldSelector={quote('metadata.name=near')}&fieldSelector="
            await world.ask("DELETE", f"{POLICIES}?{twice}")
            _, left = await world.ask("GET", POLICIES)
            return [one["metadata"]["name"] for one in left["items"]]

    assert asyncio.run(act()) == ["far"]
