"""Contexts: many controllers in one file, and which of them counts."""

from pathlib import Path

import pytest

from federation.cli.config import context_name, load_config, load_contexts, save_contexts
from federation.cli.contexts import ONLY, Contexts
from federation.cli.main import run
from federation.model.errors import Conflict, InvalidInput, NotReady

TWO = """\
current: east
contexts:
  east:
    controller: https://127.0.0.1:1
    ca_file: root.pem
    token_file: admin.token
  west:
    controller: https://127.0.0.2:1
    ca_file: /w/root.pem
    certificate_file: me.pem
    key_file: me.key
"""
ONE = "controller: https://127.0.0.1:1\nca_file: root.pem\ntoken_file: admin.token\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "fedctl.yaml"
    path.write_text(text)
    return path


def test_the_current_context_counts_unless_another_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, TWO)
    east, west = load_config(path), load_config(path, "west")
    assert (east.name, east.token_file) == ("east", tmp_path / "admin.token")
    assert (west.controller, west.ca_file) == ("https://127.0.0.2:1", Path("/w/root.pem"))
    assert (west.token_file, west.certificate_file) == (None, tmp_path / "me.pem")
    assert west.key_file == tmp_path / "me.key"


def test_the_flag_wins_over_the_variable_and_that_over_the_file() -> None:
    environment = {"FEDCTL_CONTEXT": "west"}
    assert context_name("east", environment) == "east"
    assert context_name("", environment) == "west"
    assert context_name("", {}) == ""


def test_a_file_of_three_fields_is_one_context(tmp_path: Path) -> None:
    contexts = load_contexts(written(tmp_path, ONE))
    assert (list(contexts.all), contexts.current) == ([ONLY], ONLY)
    more = contexts.adding("new", {"controller": "https://c"})
    save_contexts(more)
    assert load_config(tmp_path / "fedctl.yaml").token_file == tmp_path / "admin.token"
    assert set(load_contexts(tmp_path / "fedctl.yaml").all) == {ONLY, "new"}


def test_the_only_context_is_the_current_one() -> None:
    two: dict[str, object] = {"a": {}, "b": {}}
    assert Contexts(Path("f"), {"a": {}}).chosen() == "a"
    with pytest.raises(InvalidInput, match="fedctl context use NAME"):
        Contexts(Path("f"), two).chosen()
    with pytest.raises(InvalidInput, match="fedctl init"):
        Contexts(Path("f"), {}).chosen()


def test_no_context_is_replaced_by_another_of_its_name() -> None:
    contexts = Contexts(Path("f"), {}).adding("a", {"controller": "https://c"})
    assert contexts.current == "a"
    assert contexts.adding("a", {"controller": "https://c"}) == contexts
    with pytest.raises(Conflict, match="fedctl context delete a"):
        contexts.adding("a", {"controller": "https://d"})
    with pytest.raises(InvalidInput, match="must be 1 to 63 characters"):
        contexts.adding("a b", {})


def test_what_is_deleted_is_not_the_current_one_any_more() -> None:
    contexts = Contexts(Path("f"), {"a": {}, "b": {}}, "a")
    assert contexts.without("a") == Contexts(Path("f"), {"b": {}})
    assert contexts.without("b").current == "a"
    with pytest.raises(NotReady, match="fedctl context list"):
        contexts.without("c")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TWO.replace("current: east", "current: north"), "fedctl context use NAME"),
        (TWO.replace("current", "curent"), "field curent is not known"),
        ("contexts: [a]\n", "must be a mapping"),
        ("contexts: {a b: {}}\n", "must be 1 to 63 characters"),
        (TWO + "    token_file: x\n", "either token_file, or certificate_file and key_file"),
        (TWO.replace("    key_file: me.key\n", ""), "either token_file, or certificate_file"),
        (TWO + "    key: x\n", "context west: field key is not known"),
        (TWO.replace("ca_file: /w/root.pem", "ca_file: 7"), "context west: ca_file is 7"),
    ],
)
def test_a_wrong_file_is_explained_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        load_config(written(tmp_path, text), "west")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_wrong_context_leaves_the_others_alone(tmp_path: Path) -> None:
    path = written(tmp_path, TWO.replace("key_file: me.key", "key_file: 7"))
    assert load_config(path, "east").name == "east"


def test_contexts_are_listed_chosen_shown_and_deleted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FEDCTL_CONTEXT", raising=False)
    file = written(tmp_path, TWO)
    rest = ["--config", str(file)]

    def told(*words: str) -> str:
        assert run(["context", *words, *rest]) == 0
        return capsys.readouterr().out

    assert [line.split()[:2] for line in told("list").splitlines()[1:]] == [
        ["*", "east"],
        ["west", "https://127.0.0.2:1"],
    ]
    assert told("use", "west") == "context west is the current one\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert "certificate" in told("show")
    assert "west" not in told("show", "east")
    assert "\n* " in told("list", "--context", "east")
    assert told("delete", "west") == "context west deleted\n"
    assert load_contexts(file).current == ""
    assert load_config(file).name == "east", "the only one that is left"


def test_an_unknown_context_names_those_that_are_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, TWO)
    assert run(["cluster", "list", "--config", str(file), "--context", "north"]) == 2
    assert "only east, west: 'fedctl context list'" in capsys.readouterr().err


def test_a_context_that_is_wrong_is_listed_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, "contexts: {a: {controller: https://c}}\n")
    assert run(["context", "list", "-o", "json", "--config", str(file)]) == 0
    assert "ca_file is None" in capsys.readouterr().out
