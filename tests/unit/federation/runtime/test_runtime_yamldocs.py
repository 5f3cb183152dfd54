"""YAML is read as Kubernetes reads it, and nothing in it can hurt."""

import pytest

from federation.runtime.yamldocs import MAX_BYTES, YamlError, load_document, load_documents


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


def test_numbers_of_64_bits_are_numbers_and_a_sign_of_equality_is_text() -> None:
    text = "a: -9223372036854775808\nb: 18446744073709551615\nc: ="
    assert load_documents(text, "f") == [(1, {"a": -(2**63), "b": 2**64 - 1, "c": "="})]


@pytest.mark.parametrize(
    ("escaped", "meant"),
    [
        (r"\ud83d\ude00", "😀"),
        (r"\uD83D\uDE00\n\u00e9\/", "😀\né/"),
        (r"\\ud83d\\ude00", r"\ud83d\ude00"),
        (r"\ud83d", "\ufffd"),
        (r"\ude00\ud83dx", "\ufffd\ufffdx"),
        (r"\\\ud83d\ude00", "\\😀"),
    ],
)
def test_the_escapes_of_json_mean_what_they_mean_in_json(escaped: str, meant: str) -> None:
    assert load_documents(f'{{"a": "{escaped}"}}', "f.json") == [(1, {"a": meant})]


def test_in_yaml_that_is_no_json_such_an_escape_is_what_yaml_says() -> None:
    assert load_documents(r"{a: '\ud83d\ude00'}", "f") == [(1, {"a": r"\ud83d\ude00"})]
    with pytest.raises(YamlError, match="escape code"):
        load_documents(r'a: "\ud83d\ude00"', "f")


def test_a_file_of_one_document_has_one() -> None:
    assert load_document("", "f") is None
    assert load_document("---\na: 1\n", "f") == {"a": 1}
    with pytest.raises(YamlError, match="f:3: a second document begins here"):
        load_document("a: 1\n---\nb: 1\n", "f")


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
        ("b:\na: " + "9" * 5000, "f.yaml:2: the number 99999999999999999999... has more than 64"),
        ("b:\na: 0x" + "F" * 4000, "f.yaml:2: the number 0xFFFFFFFFFFFFFFFFFF... has more than 64"),
        ("a: 0" + "7" * 6000, "f.yaml:1: the number 07777777777777777777... has more than 64 bits"),
        ("a: 18446744073709551616", "f.yaml:1: the number 18446744073709551616... has more"),
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
