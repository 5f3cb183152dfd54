"""A settings file is right as a whole, or refused in one sentence that says where and why."""

from pathlib import Path

import pytest

from federation.model.errors import InvalidInput
from federation.process.settings import (
    Address,
    Settings,
    load_settings,
    parse_address,
)


class Example(Settings, frozen=True):
    listen: Address
    state: Path
    count: int = 1


def load(tmp_path: Path, text: str) -> Example:
    file = tmp_path / "s.yaml"
    file.write_text(text)
    return load_settings(Example, file)


def test_addresses_and_paths_are_parsed_once(tmp_path: Path) -> None:
    found = load(tmp_path, 'listen: "[::1]:80"\nstate: some/where\n')
    assert (found.listen.host, found.listen.port) == ("::1", 80)
    assert found.state.is_absolute()
    with pytest.raises(AttributeError):
        setattr(found, "count", 2)  # noqa: B010


@pytest.mark.parametrize("text", ["", ":80", "host", "host:", "host:0", "host:65536", "h:-1", "1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        parse_address(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("listen: a:1\nstate: s\nlitsen: x\n", "litsen"),
        ("state: s\n", "listen"),
        ("listen: a:1\nstate: s\ncount: many\n", "count"),
        ("- a\n", "must be a mapping"),
        ("", "must be a mapping"),
        ("a: [\n", "is not YAML"),
        ("count: 0x" + "F" * 5000, "has more than 64 bits"),
        ("count: " + "9" * 5000, "has more than 64 bits"),
        ("listen: a:²\nstate: s\n", "must be HOST:PORT"),
        ("state: " + "[" * 100_000, "nested deeper than 64 levels"),
        ("state: !!int x", "does not fit its type"),
        ("state: 2026-99-99\nlisten: a:1\ncount: a\n", "count"),
        ("state: a\nlisten: a:1\nstate: b\n", "'state' is here twice"),
    ],
)
def test_a_mistake_is_named_with_its_file(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason) as caught:
        load(tmp_path, text)
    assert str(tmp_path / "s.yaml") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="No such file"):
        load_settings(Example, tmp_path / "none.yaml")
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidInput, match="is not YAML"):
        load_settings(Example, tmp_path / "b.yaml")


@pytest.mark.parametrize("text", ["127.0.0.1:1", "[::1]:8443", "c.test:65535"])
def test_an_address_is_written_as_it_was_read(text: str) -> None:
    assert str(parse_address(text)) == text
    assert "[" not in parse_address(text).host
