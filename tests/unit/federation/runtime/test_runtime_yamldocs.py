"""YAML is read as Kubernetes reads it, and nothing in it can hurt."""

import pytest

from federation.runtime.yamldocs import MAX_BYTES, YamlError, load_documents


def test_documents_come_with_their_lines_and_empty_ones_are_left_out() -> None:
    text = "# a comment\n---\n---\na: 1\n---\n# b\nb: [x]\n"
    assert load_documents(text, "f.yaml") == [(4, {"a": 1}), (7, {"b": ["x"]})]
    assert load_documents("", "f.yaml") == []


def test_json_is_yaml_even_when_indented_by_tabs() -> None:
    assert load_documents('{\n\t"a": [\n\t\t1\n\t]\n}\n', "f.json") == [(1, {"a": [1]})]


def test_times_and_sexagesimal_numbers_stay_text() -> None:
    text = "t: 2026-08-01T12:00:00Z\ns: 1:30\nf: 1:30.5\nn: 0x10\ny: yes\n"
    [(_, found)] = load_documents(text, "f.yaml")
    assert found == {"t": "2026-08-01T12:00:00Z", "s": "1:30", "f": "1:30.5", "n": 16, "y": True}


def test_aliases_and_merges_work() -> None:
    [(_, found)] = load_documents("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\n", "f.yaml")
    assert found == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}}


def _nine_of_the_one_before(count: int) -> str:
    lines = ["a0: &a0 [1]"]
    lines += [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]" for i in range(1, count)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a:\n\tb: 1\n", "f.yaml:2: a tab stands here, but YAML is indented by spaces"),
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3: the key 'a' is here twice"),
        ("a: [1\nb: 2", "f.yaml:2: this is not YAML: did not find expected ',' or ']'"),
        ("a: 'x", "f.yaml:1: this is not YAML: found unexpected end of stream"),
        ("\na: \x00", "f.yaml:2: this is not text: control characters are not allowed"),
        ("a: \ud800", "f.yaml: this is not text"),
        ("a: *x", "f.yaml:1: this is not YAML: found undefined alias"),
        ("a: !!python/object:os.system 1", "python/object:os.system is not a plain one"),
        ("a: !!bool perhaps", "f.yaml:1: a value does not fit its type"),
        ("a: " + "9" * 5000, "f.yaml:1: a value does not fit its type"),
        ("? [a]\n: 1", "f.yaml:1: a key must be a single text"),
        ("a: &a [*a]", "f.yaml:1: a value contains itself"),
        ("\n" + "[" * 200_000, "f.yaml:2: values are nested deeper than 64 levels"),
        (_nine_of_the_one_before(12), "is more than 200000 values"),
        ("\n".join(f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 99)), "found undefined alias"),
        (
            "a0: &a0 [1]\n" + "\n".join(f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 99)),
            "f.yaml:64: values are nested deeper than 64 levels",
        ),
        ("---\n" * 1001, "f.yaml:1001: the file has more than 1000 documents"),
        ("a" * (MAX_BYTES + 1), "f.yaml: the file has 1048577 bytes, but at most 1048576"),
    ],
    ids=lambda text: text[:20],
)
def test_what_cannot_be_read_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(YamlError) as caught:
        load_documents(text, "f.yaml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_too_many_values_are_refused_before_they_are_made() -> None:
    with pytest.raises(YamlError, match="more than 200000 values"):
        load_documents("[" + "1," * 200_001 + "]", "f.yaml")
