"""The first commands of a federation: init on the controller's machine, invite anywhere."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from federation.cli.commands import invite
from federation.cli.commands.cluster_add import Options as Word
from federation.cli.config import load_config, load_contexts
from federation.cli.io import IO
from federation.cli.main import run
from federation.client.client import Client
from federation.model.errors import InvalidInput


class FakeClient(Client):
    """A controller that knows some clusters."""

    def __init__(self, *known: dict[str, Any]) -> None:
        self.known = list(known)
        self.stated: list[tuple[str, dict[str, Any]]] = []
        self.tokens: list[tuple[str, int]] = []

    def clusters(self) -> list[dict[str, Any]]:
        return self.known

    def services(self) -> list[dict[str, Any]]:
        return [{"name": "shop/api", "exporters": ["east"], "backends": []}]

    def patch_cluster(self, cluster: str, spec: dict[str, Any]) -> dict[str, Any]:
        self.stated.append((cluster, spec))
        return {"outcome": "created", "changes": [], "cluster": {"joined": False}}

    def create_join_token(self, cluster: str, expires_seconds: int) -> dict[str, Any]:
        self.tokens.append((cluster, expires_seconds))
        return {"token": "fmj1.secret"}


@pytest.fixture
def io() -> IO:
    return IO(StringIO(), StringIO(), is_terminal=False)


def shown(io: IO) -> tuple[str, str]:
    return io.out.getvalue(), io.err.getvalue()  # type: ignore[attr-defined]


def test_a_new_cluster_is_stated_and_stdout_is_its_join_command(io: IO) -> None:
    client = FakeClient()
    word = Word(client, "east", "us", ("us-1",))
    assert invite.run(invite.Options(client, word, 60), io) == 0
    out, err = shown(io)
    assert out == "fedctl join fmj1.secret --state east-agent\n"
    assert "cluster east created" in err
    assert client.stated == [("east", {"region": "us", "zones": ["us-1"]})]
    assert client.tokens == [("east", 60)]


def test_a_new_cluster_needs_a_region(io: IO) -> None:
    client = FakeClient()
    with pytest.raises(InvalidInput, match="fedctl invite east --region REGION"):
        invite.run(invite.Options(client, Word(client, "east"), 60), io)
    assert (client.stated, client.tokens) == ([], [])


def test_of_a_cluster_that_is_there_only_what_is_named_changes(io: IO) -> None:
    client = FakeClient({"id": "east", "joined": True, "gateways": []})
    assert invite.run(invite.Options(client, Word(client, "east"), 60), io) == 0
    assert client.stated == []
    assert "has joined already" in shown(io)[1]
    invite.run(invite.Options(client, Word(client, "east", zones=("z",)), 60), io)
    assert client.stated == [("east", {"zones": ["z"]})]


def test_nobody_is_invited_when_a_cut_is_not_agreed_to(io: IO) -> None:
    client = FakeClient({"id": "east", "joined": True, "gateways": []})
    word = Word(client, "east", namespaces=("other",), consent=lambda _: False)
    assert invite.run(invite.Options(client, word, 60), io) == 1
    assert (client.stated, client.tokens) == ([], [])
    assert shown(io)[0] == ""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder, and a home, of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("FEDCTL_CONFIG", raising=False)
    monkeypatch.delenv("FEDCTL_CONTEXT", raising=False)
    return tmp_path


def test_init_says_the_next_command_and_writes_the_context(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["init", "--state", "controller"]) == 0
    told = capsys.readouterr()
    assert told.out == "fedmesh-controller --config controller.yaml\n"
    assert "fedctl invite CLUSTER --region REGION" in told.err
    file = folder / ".config" / "fedmesh" / "fedctl.yaml"
    assert file.stat().st_mode & 0o777 == 0o600
    config = load_config(file)
    assert (config.name, config.controller) == ("fedmesh.internal", "https://127.0.0.1:8443")
    assert config.ca_file == folder / "controller" / "root.pem"
    assert config.token_file == folder / "controller" / "admin.token"
    before = file.read_bytes()
    assert run(["init", "--state", "controller"]) == 0
    assert capsys.readouterr().out == told.out
    assert file.read_bytes() == before


def test_init_keeps_the_contexts_that_are_there(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = folder / "own.yaml"
    own.write_text("controller: https://c\nca_file: c.pem\ntoken_file: c.token\n")
    words = ["init", "--state", "a", "--config", str(own)]
    assert run([*words, "--domain", "a.test"]) == 0
    contexts = load_contexts(own)
    assert (set(contexts.all), contexts.current) == ({"fedmesh", "a.test"}, "a.test")
    assert load_config(own, "fedmesh").ca_file == folder / "c.pem"
    assert "which is the current one now" in capsys.readouterr().err


def test_init_writes_nothing_when_the_name_of_the_context_is_taken(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = folder / "own.yaml"
    own.write_text("controller: https://c\nca_file: c.pem\ntoken_file: c.token\n")
    line = ["init", "--state", "a", "--config", str(own), "--context", "fedmesh"]
    assert run(line) == 1
    assert "--context NAME" in capsys.readouterr().err
    assert [f.name for f in folder.iterdir()] == ["own.yaml"]


@pytest.mark.parametrize("address", ["here", "1.2.3.4", ":1", "a:0", "a:99999"])
def test_an_address_that_is_none_is_named(
    folder: Path, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["init", "--state", "a", "--listen", address]) == 2
    assert "HOST:PORT" in capsys.readouterr().err
    assert list(folder.iterdir()) == []
