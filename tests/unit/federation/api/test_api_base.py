"""What the schema says of a type is what its validator asks for."""

import re
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter, ValidationError

from federation.api.base import (
    Label,
    LabelValue,
    ObjectName,
    OptionalLabel,
    OptionalSubdomain,
    Port,
    Seconds,
    Subdomain,
    Text,
)

NAMES = [Label, Subdomain, ObjectName, OptionalLabel, OptionalSubdomain, LabelValue]


def accepts(type_: Any, value: object) -> bool:
    try:
        TypeAdapter(type_).validate_python(value)
    except ValidationError:
        return False
    return True


def allows(type_: Any, text: str) -> bool:
    """Whether its schema does; `$` is the end of the text, as in every language but Python."""
    schema = TypeAdapter(type_).json_schema()
    pattern = schema["pattern"].replace("$", r"\Z")
    return len(text) <= schema["maxLength"] and re.search(pattern, text) is not None


@pytest.mark.parametrize("type_", NAMES)
@given(text=st.text(alphabet="aB1-._ \n\u00e9", max_size=8))
def test_short_names_are_judged_alike(type_: Any, text: str) -> None:
    assert allows(type_, text) == accepts(type_, text)


@pytest.mark.parametrize("type_", NAMES)
@pytest.mark.parametrize("length", [62, 63, 64, 65, 127, 252, 253, 254])
@pytest.mark.parametrize("step", [1, 2, 60, 64, 65])
def test_long_names_are_judged_alike(type_: Any, length: int, step: int) -> None:
    parts = ["a" * (step - 1)] * (length // step) + ["b" * (length % step)]
    for text in ("a" * length, ".".join(parts).strip("."), "-".join(parts).strip("-")):
        assert allows(type_, text) == accepts(type_, text)


@given(text=st.text(max_size=30))
def test_text_that_is_accepted_is_allowed(text: str) -> None:
    assert allows(Text, text) or not accepts(Text, text)


@pytest.mark.parametrize("text", ["\n", "a\tb", "\x7f", "\xa0", "\u2028", "a" * 1025])
def test_text_with_controls_is_refused_by_both(text: str) -> None:
    assert not allows(Text, text)
    assert not accepts(Text, text)


def test_a_narrower_bound_of_a_field_counts() -> None:
    schema = TypeAdapter(Annotated[Text, Field(min_length=1, max_length=253)]).json_schema()
    assert (schema["minLength"], schema["maxLength"]) == (1, 253)
    assert schema["pattern"].startswith("^")


def test_ports() -> None:
    schema = TypeAdapter(Port).json_schema()
    low, high = schema["minimum"], schema["maximum"]
    assert [accepts(Port, n) for n in (low - 1, low, high, high + 1)] == [False, True, True, False]


def test_times_are_written_as_text() -> None:
    assert TypeAdapter(Seconds).json_schema() == {"type": "string"}
    assert accepts(Seconds, "2026-03-01T12:00:00Z")
