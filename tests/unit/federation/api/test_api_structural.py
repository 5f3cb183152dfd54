"""Models become structural schemas."""

from collections.abc import Iterator
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from federation.api.base import Label
from federation.api.kind import Json
from federation.api.structural import structural
from federation.api.v1alpha1.access import RoleBindingSpec, UserSpec
from federation.api.v1alpha1.cluster import ClusterSpec
from federation.api.v1alpha1.traffic_policy import TrafficPolicySpec


class Inner(BaseModel):
    """One
    line."""

    size: int = Field(default=3, gt=0, lt=9)
    note: str | None = None


class ByName(BaseModel):
    kind: Literal["Name"]
    name: str


class ByPort(BaseModel):
    kind: Literal["Port"]
    port: int


class Outer(BaseModel):
    inner: Inner = Inner()
    other: Inner = Inner(size=4)
    made: Inner = Field(default_factory=Inner)
    maybe: Inner | None = None
    title: str = "x"
    fixed: Literal[2] = 2
    target: int | str = 80
    chosen: ByName | ByPort = Field(discriminator="kind", description="Whose.")
    names: set[str] = Field(default_factory=set)
    by_label: dict[Label, Inner] = Field(default_factory=dict, alias="byLabel")
    anything: Any = None
    free: dict[str, Any] = Field(default_factory=dict)


def fields_of(model: type[BaseModel]) -> Json:
    found: Json = structural(model)["properties"]
    return found


def schemas(node: Json) -> Iterator[Json]:
    """A schema and all below it."""
    yield node
    more = node.get("additionalProperties")
    below = [*node.get("properties", {}).values(), node.get("items"), more]
    for inner in below:
        if inner is not None:
            yield from schemas(inner)


@pytest.mark.parametrize(
    "model", [TrafficPolicySpec, RoleBindingSpec, UserSpec, ClusterSpec, Outer]
)
def test_it_is_structural(model: type[BaseModel]) -> None:
    for node in schemas(structural(model)):
        assert not {"$ref", "allOf", "oneOf", "title", "const", "discriminator"} & set(node)
        assert not {"properties", "additionalProperties"} <= set(node)
        assert "type" in node or any(word.startswith("x-kubernetes-") for word in node)
        assert node.get("type") != "array" or "items" in node


def test_what_may_be_null_need_not_be_written() -> None:
    inner = fields_of(Outer)["inner"]
    assert inner["properties"]["note"] == {"type": "string"}
    assert "default" not in fields_of(Outer)["maybe"]


def test_defaults_within_are_reached_by_one_of_the_parent() -> None:
    found = fields_of(Outer)
    assert found["inner"]["default"] == {}
    assert found["made"]["default"] == {}
    assert found["other"]["default"] == {"size": 4}
    assert found["inner"]["properties"]["size"]["default"] == 3


def test_bounds_that_are_out_of_range_themselves() -> None:
    size = fields_of(Outer)["inner"]["properties"]["size"]
    assert (size["minimum"], size["exclusiveMinimum"]) == (0, True)
    assert (size["maximum"], size["exclusiveMaximum"]) == (9, True)


def test_a_constant_is_a_choice_of_one() -> None:
    assert fields_of(Outer)["fixed"] == {"type": "integer", "enum": [2], "default": 2}


def test_a_field_called_title_stays() -> None:
    assert fields_of(Outer)["title"] == {"type": "string", "default": "x"}


def test_number_or_text() -> None:
    found = fields_of(Outer)["target"]
    assert found["x-kubernetes-int-or-string"] is True
    assert found["anyOf"] == [{"type": "integer"}, {"type": "string"}]
    assert found["default"] == 80


def test_alternatives_are_merged() -> None:
    found = fields_of(Outer)["chosen"]
    assert found["properties"]["kind"]["enum"] == ["Name", "Port"]
    assert found["required"] == ["kind"]
    assert set(found["properties"]) == {"kind", "name", "port"}
    assert found["description"] == "Whose."


def test_mappings_and_sets() -> None:
    found = fields_of(Outer)
    assert found["names"]["x-kubernetes-list-type"] == "set"
    assert found["byLabel"]["additionalProperties"]["properties"]["size"]["type"] == "integer"
    assert found["anything"] == {"x-kubernetes-preserve-unknown-fields": True}
    assert found["free"] == {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def test_lines_of_a_docstring_are_joined() -> None:
    assert fields_of(Outer)["inner"]["description"] == "One line."


def test_the_shape_of_names_is_said() -> None:
    region = fields_of(ClusterSpec)["region"]
    assert region["maxLength"] == 253
    assert region["pattern"].startswith("^[a-z0-9]")


class Tree(BaseModel):
    below: list["Tree"]


class Pair(BaseModel):
    pair: tuple[int, str]


class Mixed(BaseModel):
    mixed: bool | str


@pytest.mark.parametrize("model", [Tree, Pair, Mixed])
def test_what_has_no_structural_schema(model: type[BaseModel]) -> None:
    with pytest.raises(ValueError, match="structural schema"):
        structural(model)
