"""fedctl's configuration is found, read, and explained when it is wrong."""

from pathlib import Path

import pytest

from federation.cli.config import config_path, load_config, open_client
from federation.model.errors import InvalidInput

GOOD = "controller: https://127.0.0.1:1\nca_file: root.pem\ntoken_file: admin.token\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "fedctl.yaml"
    path.write_text(text)
    return path


def test_the_flag_wins_over_the_variable_and_that_over_the_home() -> None:
    environment = {"FEDCTL_CONFIG": "/from/variable"}
    assert config_path(Path("/from/flag"), environment) == Path("/from/flag")
    assert config_path(None, environment) == Path("/from/variable")
    assert config_path(None, {}).parts[-3:] == (".config", "fedmesh", "fedctl.yaml")


def test_relative_paths_are_meant_from_the_files_own_folder(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, GOOD))
    assert config.ca_file == tmp_path / "root.pem"
    assert config.token_file == tmp_path / "admin.token"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must be a mapping"),
        ("a: [", "is not YAML"),
        ("controller: 0x" + "F" * 5000, "has more than 64 bits"),
        ("controller: " + "[" * 100_000, "nested deeper than 64 levels"),
        (GOOD + "tokn: x\n", "field tokn is not known"),
        ("controller: https://c\n", "ca_file is None"),
        (GOOD.replace("root.pem", "7"), "ca_file is 7"),
    ],
)
def test_a_wrong_file_is_explained_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=r"fedctl\.yaml") as refused:
        load_config(write(tmp_path, text))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_file_ends_with_the_next_thing_to_try(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="--config"):
        load_config(tmp_path / "none.yaml")


@pytest.mark.parametrize("token", [None, "", "two tokens", "line\x01"])
def test_a_token_file_without_a_token_is_named(tmp_path: Path, token: str | None) -> None:
    if token is not None:
        (tmp_path / "admin.token").write_text(token)
    with pytest.raises(InvalidInput, match=r"admin\.token"):
        open_client(load_config(write(tmp_path, GOOD)))
