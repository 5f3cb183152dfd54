"""What is read in one pass has the values that reading with care gives, or is left to that."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from federation.runtime import yamldocs, yamlplain
from federation.runtime.yamldocs import YamlError, load_documents
from federation.runtime.yamlplain import MAX_DEPTH, read_plain


def with_care(text: str) -> object:
    """Documents, or what is said of the text, without the quick way."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(yamldocs, "read_plain", lambda _: None)
        return either(text)


def either(text: str) -> object:
    try:
        return [(line, repr(value)) for line, value in load_documents(text, "f.yaml")]
    except YamlError as error:
        return str(error)


PARTS = [
    *(
        "a",
        "b",
        "1",
        "0x1F",
        "017",
        "1_000",
        "1.5",
        "1e3",
        ".inf",
        ".NaN",
        "~",
        "null",
        "yes",
        "Off",
    ),
    *(
        "true",
        "2026-08-01",
        "1:30",
        "1:30.5",
        "=",
        "<<",
        "'1'",
        '"x\\ty"',
        "''",
        "99999999999999999999",
    ),
    *(
        "-9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "0b11",
        "+1",
        "-",
        ".",
    ),
    *(": ", ":", ", ", "- ", "? ", "[", "]", "{", "}", "\n", "\n  ", "\n- ", "\n---\n", "...\n"),
    *(
        "&a ",
        "*a",
        "!!str ",
        "! ",
        "!x ",
        "# c\n",
        "|\n  t\n",
        ">\n  t\n",
        "%YAML 1.1\n",
        "\t",
        "é",
        "@",
    ),
]


@given(st.lists(st.sampled_from(PARTS), max_size=25).map("".join))
@example("a: 1\n1: 2")
@example("'1': 1\n1: 2")
@example("a: &a 1\nb: *a")
@example("a: {x: 1}\nb: {<<: {x: 2}}")
@example("a: !!int 1")
@example("--- a\n--- ~\n---\n- b")
def test_both_ways_read_the_same_and_say_the_same(text: str) -> None:
    assert either(text) == with_care(text)


@pytest.mark.parametrize("inner", ["", "1"])
@pytest.mark.parametrize("depth", [MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1])
def test_depth_is_counted_alike(depth: int, inner: str) -> None:
    text = "[" * depth + inner + "]" * depth
    assert either(text) == with_care(text)
    assert (read_plain(text) is None) == (depth + len(inner) > MAX_DEPTH)


def test_documents_and_values_are_counted_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (yamldocs, yamlplain):
        monkeypatch.setattr(module, "MAX_NODES", 20)
        monkeypatch.setattr(module, "MAX_DOCUMENTS", 5)
    for count in range(16, 24):
        text = f"[{'1,' * count}]"
        assert either(text) == with_care(text)
        assert (read_plain(text) is None) == (count + 1 > 20)
    for count in range(3, 8):
        text = "--- a\n" * count
        assert either(text) == with_care(text)
        assert (read_plain(text) is None) == (count > 5)


def test_an_ordinary_document_is_read_in_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yamldocs, "_check_shape", None)
    text = "a: {b: [1, 'x', yes, 1.5, ~]}\n---\n- c: |\n    t\n"
    assert load_documents(text, "f") == [
        (1, {"a": {"b": [1, "x", True, 1.5, None]}}),
        (3, [{"c": "t\n"}]),
    ]
