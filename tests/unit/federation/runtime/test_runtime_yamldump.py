"""What is written as YAML is read as what it was, by readers of YAML 1.1 and 1.2."""

import pytest
import yaml

from federation.runtime.yamldocs import load_document
from federation.runtime.yamldump import dumped

TEXTS = (
    "plain", "127.0.0.1", "127.0.0.1:8443", "https://c.example:8443", "/a/b", "[::1]:8443",
    "1e3", "0o17", "0x10", "017", "1:30", "2026-03-01", "yes", "on", "No", "null", "~", "", " a ",
    "a: b", "- a", "line\nline", "# no", "ü", "1_000", ".5", "=", "<<", "true", "a" * 3000,
)  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_text_stays_text(text: str) -> None:
    written = dumped({"a": text, "b": [text]})
    assert load_document(written, "f") == {"a": text, "b": [text]}
    assert yaml.safe_load(written) == {"a": text, "b": [text]}


@pytest.mark.parametrize("text", ["1e3", "0o17", "0x10", "on", "2026-03-01"])
def test_what_readers_disagree_about_stands_in_quotes(text: str) -> None:
    assert f'"{text}"' in dumped({"a": text})


def test_the_order_and_the_kinds_of_values_stay() -> None:
    shared = [1]
    value = {"b": 1, "a": {"z": None, "y": True, "x": 1.5, "w": []}, "one": shared, "two": shared}
    assert load_document(dumped(value), "f") == value
    assert dumped(value).startswith("b: 1\na:\n")
