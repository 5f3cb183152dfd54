"""A kubeconfig for kubectl: alone, or one context more; nothing of anybody else is lost."""

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from federation.cli.commands.kubeconfig import kubectl_files
from federation.cli.kubeconfig import Access, kubeconfig, merged, read_kubeconfig
from federation.cli.main import run
from federation.model.errors import Conflict, InvalidInput

FILE = Path("config")
ACCESS = Access("mesh", "https://127.0.0.1:8443", b"root", token="1e3")
OTHERS = """\
# mine
apiVersion: v1
kind: Config
current-context: prod
preferences: {}
clusters:
- name: prod
  cluster:
    server: https://prod.example
    certificate-authority: /ca.pem
    extensions: [{name: minikube, extension: {last-update: 2026-03-01, version: "1e3"}}]
users:
- name: prod
  user:
    exec: {apiVersion: client.authentication.k8s.io/v1, command: get-token, args: null}
contexts:
- name: prod
  context: {cluster: prod, user: prod, namespace: "on"}
- {name: other, context: {cluster: prod, user: prod}}
"""


def others() -> dict[str, Any]:
    return read_kubeconfig(OTHERS.encode(), FILE)


def test_a_kubeconfig_has_server_root_and_token() -> None:
    made = kubeconfig(ACCESS)
    assert made["clusters"] == [
        {
            "name": "mesh",
            "cluster": {
                "server": "https://127.0.0.1:8443",
                "certificate-authority-data": base64.b64encode(b"root").decode(),
            },
        }
    ]
    assert made["users"] == [{"name": "mesh", "user": {"token": "1e3"}}]
    assert made["contexts"] == [{"name": "mesh", "context": {"cluster": "mesh", "user": "mesh"}}]
    assert made["current-context"] == "mesh"


def test_a_certificate_takes_the_place_of_a_token() -> None:
    user = kubeconfig(Access("m", "https://c", b"r", certificate=b"c", key=b"k"))["users"][0][
        "user"
    ]
    assert user == {"client-certificate-data": "Yw==", "client-key-data": "aw=="}


def test_all_that_is_there_stays_in_its_order() -> None:
    made = merged(others(), ACCESS, FILE)
    for field in ("clusters", "users", "contexts"):
        assert made[field][:-1] == others()[field]
        assert made[field][-1]["name"] == "mesh"
    assert made["current-context"] == "prod"
    assert list(made)[:5] == list(others())[:5]


def test_merging_again_brings_the_new_token_and_keeps_what_a_person_added() -> None:
    made = merged(others(), ACCESS, FILE)
    made["contexts"][-1]["context"]["namespace"] = "shop"
    made["clusters"][-1]["cluster"]["proxy-url"] = "http://p"
    again = merged(made, Access("mesh", ACCESS.server, b"new", token="new"), FILE)
    assert again["contexts"] == made["contexts"]
    assert again["clusters"][-1]["cluster"]["proxy-url"] == "http://p"
    assert again["users"][-1]["user"] == {"token": "new"}
    assert len(again["clusters"]) == 2


@pytest.mark.parametrize("name", ["prod", "other"])
def test_the_name_of_another_context_is_not_taken(name: str) -> None:
    with pytest.raises(Conflict, match="--name"):
        merged(others(), Access(name, "https://c", b"r", token="t"), FILE)


def test_a_user_that_others_use_is_not_replaced() -> None:
    document = {"users": [{"name": "mesh", "user": {"token": "theirs"}}]}
    with pytest.raises(Conflict, match="--name"):
        merged(document, ACCESS, FILE)


@pytest.mark.parametrize(
    "text",
    [
        "a: [", "- a", "kind: Pod", "clusters: 7", "users: [7]", "contexts: [{context: {}}]",
        "clusters: [{name: a, cluster: 7}]", "a: 1\na: 2", "\xff", "a: 1\n---\nb: 2",
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="nothing was changed: repair it"):
        read_kubeconfig(text.encode("latin-1"), FILE)


def test_kubectls_files_are_found_in_its_order() -> None:
    assert kubectl_files({"KUBECONFIG": "/a::/b"}) == (Path("/a"), Path("/b"))
    assert kubectl_files({})[0].parts[-2:] == (".kube", "config")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a configuration of fedctl, and without any of kubectl."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("FEDCTL_CONFIG", str(tmp_path / "fedctl.yaml"))
    (tmp_path / "fedctl.yaml").write_text(
        "controller: https://127.0.0.1:8443/\nca_file: root.pem\ntoken_file: admin.token\n"
    )
    (tmp_path / "root.pem").write_text("root")
    (tmp_path / "admin.token").write_text("secret")
    return tmp_path


def written(file: Path) -> Any:
    return yaml.safe_load(file.read_text())


def test_it_is_printed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["kubeconfig", "--name", "mine"]) == 0
    made = yaml.safe_load(capsys.readouterr().out)
    assert made["current-context"] == "mine"
    assert made["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:8443"
    assert not (home / ".kube").exists()


def test_it_is_merged_into_kubectls_file(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["kubeconfig", "--merge"]) == 0
    file = home / ".kube" / "config"
    assert file.stat().st_mode & 0o777 == 0o600
    assert "kubectl --context fedmesh get clusters" in capsys.readouterr().err
    before = file.stat().st_ino
    assert run(["kubeconfig", "--merge"]) == 0
    assert file.stat().st_ino == before, "nothing new is not written"


def test_everything_else_in_the_file_means_the_same(home: Path) -> None:
    real = home / "real"
    real.write_text(OTHERS)
    link = home / "config"
    link.symlink_to(real)
    assert run(["kubeconfig", "--merge", "--output", str(link)]) == 0
    assert link.is_symlink()
    made = read_kubeconfig(real.read_bytes(), real)
    assert made["contexts"][:2] == others()["contexts"]
    assert made["clusters"][0] == others()["clusters"][0]
    assert made["users"][0] == others()["users"][0]
    assert '"1e3"' in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o600


def test_the_file_that_has_the_context_is_changed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, missing = home / "a", home / "b", home / "c"
    monkeypatch.setenv("KUBECONFIG", f"{missing}:{first}:{second}")
    first.write_text(OTHERS)
    second.write_text("")
    assert run(["kubeconfig", "--merge", "--output", str(second)]) == 0
    (home / "admin.token").write_text("new")
    assert run(["kubeconfig", "--merge"]) == 0
    assert written(second)["users"][0]["user"]["token"] == "new"
    assert first.read_text() == OTHERS
    assert run(["kubeconfig", "--merge", "--name", "more"]) == 0
    assert [c["name"] for c in written(first)["contexts"]] == ["prod", "other", "more"]
    assert not missing.exists()


@pytest.mark.parametrize(
    ("text", "more", "said"),
    [
        ("clusters: 7", ["--merge"], "nothing was changed"),
        (OTHERS, ["--merge", "--name", "prod"], "--name"),
        (OTHERS, [], "say --merge"),
    ],
)
def test_a_file_that_is_refused_stays_as_it_is(
    home: Path, text: str, more: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = home / "config"
    file.write_text(text)
    assert run(["kubeconfig", "--output", str(file), *more]) in (1, 2)
    assert said in capsys.readouterr().err
    assert file.read_text() == text
    assert not (home / "config.lock").exists()


def test_a_file_that_another_program_changes_is_left_alone(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "config.lock").touch()
    assert run(["kubeconfig", "--merge", "--output", str(home / "config")]) == 1
    assert "config.lock when none is" in capsys.readouterr().err
    assert not (home / "config").exists()


def test_a_missing_root_is_named(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "root.pem").unlink()
    assert run(["kubeconfig"]) == 2
    assert "correct it in fedctl's configuration" in capsys.readouterr().err
