"""A cluster's host is made ready: all is looked at first, and nothing is overwritten."""

import json
import socket
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest

from cluster_agent.settings import AgentSettings
from federation.cli.commands import join
from federation.cli.io import IO
from federation.cli.joining import Said, check_free, planned, settle
from federation.cli.main import run as run_fedctl
from federation.model.errors import Conflict, Denied, Failed, InvalidInput, NotReady
from federation.model.names import ClusterId
from federation.process.settings import Address, load_settings
from federation.process.start import state_folder
from federation.trust.join_tokens import JoinToken, format_join_token

TOKEN = JoinToken("https://127.0.0.1:8443", "ab" * 32, ClusterId("east"), "id1", "secret")
WEST = replace(TOKEN, cluster=ClusterId("west"), id="id2")


class Host:
    """A host on which `fedctl join` is run; `controller` judges the token."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "east-agent"
        self.file = folder / "east-agent.yaml"
        self.controller: Callable[[JoinToken], None] = lambda _: None
        self.now = 0.0
        self.started: list[Path] = []
        self.out, self.err = StringIO(), StringIO()

    def join(
        self, token: JoinToken = TOKEN, said: Said | None = None, *, runs: bool = False
    ) -> int:
        said = said or Said()
        how = (self._check, 10.0, lambda: self.now, self._sleep)
        start = self.started.append if runs else None
        options = join.Options(token, self.state, self.file, said, *how, start)
        return join.run(options, IO(self.out, self.err, is_terminal=False))

    def _check(self, token: JoinToken) -> None:
        self.controller(token)

    def _sleep(self, seconds: float) -> None:
        self.now += seconds

    def files(self) -> dict[str, bytes]:
        found = (f for f in self.folder.rglob("*") if f.is_file() and f.name != ".lock")
        return {str(f.relative_to(self.folder)): f.read_bytes() for f in found}


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("federation.cli.joining.check_free", lambda _: None)
    return Host(tmp_path)


def test_the_files_are_those_that_an_agent_starts_with(host: Host) -> None:
    assert host.join(said=Said(listen=Address("127.0.0.2", 15012))) == 0
    settings = load_settings(AgentSettings, host.file)
    assert (settings.cluster, settings.state) == ("east", host.state)
    assert settings.source == host.folder / "east"
    assert settings.source.is_dir()
    assert str(settings.listen) == "127.0.0.2:15012"
    assert settings.join_token_file == host.state / "join.token"
    assert settings.join_token_file.read_text().strip() == format_join_token(TOKEN)
    assert settings.join_token_file.stat().st_mode & 0o777 == 0o600
    assert host.state.stat().st_mode & 0o777 == 0o700
    assert settings.allow_loopback_endpoints is False
    assert host.out.getvalue() == "fedmesh-agent --config east-agent.yaml\n"


def test_it_can_be_repeated_and_changes_nothing(host: Host) -> None:
    host.join(said=Said())
    before = host.files()
    assert host.join(said=Said()) == 0
    assert host.files() == before
    assert "nothing to do" in host.err.getvalue()


def test_what_was_cut_off_is_made_whole(host: Host) -> None:
    host.join(said=Said())
    before = host.files()
    host.file.unlink()
    host.join(said=Said())
    assert host.files() == before


@pytest.mark.parametrize("reason", [Denied("another controller"), NotReady("cannot be reached")])
def test_nothing_is_written_for_a_controller_that_is_not_there_or_another(
    host: Host, reason: Exception
) -> None:
    def refuse(_: JoinToken) -> None:
        raise reason

    host.controller = refuse
    with pytest.raises(type(reason)):
        host.join()
    assert list(host.folder.iterdir()) == []


def test_a_controller_that_comes_up_meanwhile_is_waited_for(host: Host) -> None:
    def late(_: JoinToken) -> None:
        if host.now < 5:
            raise NotReady("nothing listens there")

    host.controller = late
    assert host.join(said=Said()) == 0
    assert host.file.exists()


def test_nothing_is_written_where_the_address_is_taken(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("federation.cli.joining.check_free", check_free)
    with pytest.raises(Failed, match="choose another address"):
        host.join(said=Said(listen=Address("192.0.2.1", 15012)))
    assert list(host.folder.iterdir()) == []


def test_a_taken_address_is_not_free_and_a_free_one_is() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Address("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(Failed, match="--listen HOST:PORT"):
            check_free(address)
    check_free(address)


def test_state_and_settings_of_another_cluster_stay(host: Host) -> None:
    host.join(said=Said())
    before = host.files()
    with pytest.raises(Conflict, match="cluster east, not west"):
        host.join(WEST, Said())
    (host.state / "member.json").write_text(json.dumps({"cluster": "east", "token": "id1"}))
    with pytest.raises(Conflict, match="belongs to cluster east"):
        host.join(WEST, Said())
    (host.state / "member.json").unlink()
    assert host.files() == before


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (Said(source=Path("/elsewhere")), "source"),
        (Said(listen=Address("127.0.0.9", 1)), "listen 127.0.0.1:15012, not 127.0.0.9:1"),
        (Said(loopback=True), "allow_loopback_endpoints"),
    ],
)
def test_a_settings_file_that_says_something_else_stays(host: Host, said: Said, words: str) -> None:
    host.join(said=Said())
    with pytest.raises(Conflict, match=f"says {words}"):
        host.join(said=said)


@pytest.mark.parametrize("text", ["- a", "cluster: [", "cluster: east\n", "\xff"])
def test_a_settings_file_that_is_damaged_is_named(host: Host, text: str) -> None:
    host.file.write_bytes(text.encode("latin-1"))
    with pytest.raises(InvalidInput, match=r"east-agent\.yaml.*correct"):
        host.join()


def test_a_folder_with_other_things_is_left_alone(host: Host) -> None:
    host.state.mkdir()
    (host.state / "thesis.tex").write_text("x")
    mode = host.state.stat().st_mode
    with pytest.raises(Conflict, match=r"thesis\.tex"):
        host.join()
    assert host.state.stat().st_mode == mode
    assert not host.file.exists()


def test_another_token_takes_the_place_of_the_old_one(host: Host) -> None:
    host.join(said=Said())
    (host.state / "member.json").write_text(json.dumps({"cluster": "east", "token": "id1"}))
    host.join(said=Said())
    assert "has joined already" in host.err.getvalue()
    again = replace(TOKEN, id="id3")
    host.join(again, Said())
    assert (host.state / "join.token").read_text().strip() == format_join_token(again)


def test_an_agent_that_runs_is_left_alone(host: Host) -> None:
    host.join(said=Said())
    with state_folder(host.state):
        assert host.join(said=Said(), runs=True) == 0
    assert host.started == []
    assert "its agent runs" in host.err.getvalue()


def test_the_agent_may_be_started_at_once(host: Host) -> None:
    assert host.join(said=Said(), runs=True) == 0
    assert host.started == [host.file]


def test_a_mesh_on_one_machine_takes_loopback_endpoints(host: Host) -> None:
    place = planned(TOKEN, host.state, host.file, Said(loopback=True))
    settle(TOKEN, place)
    assert load_settings(AgentSettings, host.file).allow_loopback_endpoints is True


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("join nonsense", "does not begin with 'fmj1.'"),
        ("join fmj1.e30", "is damaged: copy it again"),
        ("join fmj1.e30 --listen here", "must be HOST:PORT"),
    ],
)
def test_what_is_no_token_is_explained(
    host: Host, line: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_fedctl(line.split()) == 2
    assert said in capsys.readouterr().err
    assert list(host.folder.iterdir()) == []
