"""A controller begins once, and what is there is never overwritten."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from federation.controller.founding import Wish, found, planned, url_of
from federation.controller.settings import ControllerSettings
from federation.controller.trust.authority import open_authority
from federation.model.errors import Conflict, FedmeshError, InvalidInput
from federation.process.settings import Address, load_settings
from federation.process.start import state_folder

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def wish(tmp_path: Path) -> Wish:
    return Wish(tmp_path / "controller", tmp_path / "controller.yaml")


def everything(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def test_the_files_are_those_that_a_controller_starts_with(wish: Wish) -> None:
    settings = planned(wish)
    assert not wish.state.exists(), "planning writes nothing"
    assert found(settings, wish.file, NOW)
    there = load_settings(ControllerSettings, wish.file)
    assert (there.domain, there.state) == ("fedmesh.internal", wish.state)
    assert (str(there.api_listen), str(there.grpc_listen)) == ("127.0.0.1:8443", "127.0.0.1:7443")
    assert open_authority(wish.state, there.domain, there.advertise, NOW).root_sha256
    assert wish.state.stat().st_mode & 0o777 == 0o700
    for name in ("root.key", "admin.token"):
        assert (wish.state / name).stat().st_mode & 0o777 == 0o600


def test_it_can_be_repeated_and_changes_nothing(wish: Wish) -> None:
    found(planned(wish), wish.file, NOW)
    before = everything(wish.file.parent)
    assert found(planned(wish), wish.file, NOW) is False
    assert everything(wish.file.parent) == before


@pytest.mark.parametrize("missing", ["admin.token", "root.pem"])
def test_what_was_cut_off_is_made_whole(wish: Wish, missing: str) -> None:
    found(planned(wish), wish.file, NOW)
    (wish.state / missing).unlink()
    wish.file.unlink()
    assert found(planned(wish), wish.file, NOW)
    assert open_authority(wish.state, "fedmesh.internal", (), NOW).root_sha256


def test_it_can_be_repeated_beside_a_controller_that_runs(wish: Wish) -> None:
    found(planned(wish), wish.file, NOW)
    with state_folder(wish.state):
        assert found(planned(wish), wish.file, NOW) is False


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"domain": "other.test"}, "says domain fedmesh.internal, not other.test"),
        ({"listen": Address("127.0.0.9", 1)}, "api_listen 127.0.0.1:8443, not 127.0.0.9:1"),
        ({"advertise": ("a", "b")}, "advertise 127.0.0.1, not a, b"),
    ],
)
def test_a_settings_file_that_says_something_else_stays(
    wish: Wish, other: dict[str, object], said: str
) -> None:
    found(planned(wish), wish.file, NOW)
    with pytest.raises(Conflict, match=said):
        planned(replace(wish, **other))  # type: ignore[arg-type]
    with pytest.raises(Conflict, match="says state"):
        planned(replace(wish, state=wish.state.with_name("b")))


def test_the_domain_of_a_state_folder_stays(wish: Wish) -> None:
    found(planned(replace(wish, domain="a.test")), wish.file, NOW)
    wish.file.unlink()
    assert planned(wish).domain == "a.test"
    with pytest.raises(Conflict, match=r"is of domain a\.test"):
        planned(replace(wish, domain="b.test"))


def test_a_folder_with_other_things_is_left_alone(wish: Wish) -> None:
    wish.state.mkdir()
    (wish.state / "thesis.tex").write_text("x")
    mode = wish.state.stat().st_mode
    with pytest.raises(Conflict, match=r"thesis\.tex"):
        found(planned(wish), wish.file, NOW)
    assert [entry.name for entry in wish.state.iterdir()] == ["thesis.tex"]
    assert wish.state.stat().st_mode == mode
    assert not wish.file.exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"domain": "A_b"}, "--domain"),
        ({"listen": Address("0.0.0.0", 8443)}, "--advertise NAME"),
        ({"listen": Address("::", 8443)}, "--advertise NAME"),
        ({"advertise": ("a b",)}, "--advertise"),
        ({"advertise": ("fedmesh.internal",)}, "the domain itself"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_written(
    wish: Wish, more: dict[str, object], said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        planned(replace(wish, **more))  # type: ignore[arg-type]
    assert not wish.state.exists()


def test_the_url_is_what_others_dial(wish: Wish) -> None:
    everywhere = Address("0.0.0.0", 9443)
    assert url_of(planned(replace(wish, listen=everywhere, advertise=("c.test", "10.0.0.1")))) == (
        "https://c.test:9443"
    )
    assert url_of(planned(replace(wish, listen=Address("::1", 8443)))) == "https://[::1]:8443"


def test_a_damaged_settings_file_is_refused(wish: Wish) -> None:
    wish.file.write_text("domain: [")
    with pytest.raises(FedmeshError, match=r"controller\.yaml"):
        planned(wish)
