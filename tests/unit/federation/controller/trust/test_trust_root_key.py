"""The root key lies under its passphrase, and nowhere else."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from federation.controller.trust import authority
from federation.controller.trust.authority import Authority, open_authority
from federation.controller.trust.root_key import read_passphrase, read_root_key, write_root_key
from federation.model.errors import InvalidInput
from federation.runtime import files
from federation.trust import sealed
from federation.trust.issue import new_key
from federation.trust.pem import key_pem

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=4)
WORDS = "correct horse battery"


@pytest.fixture(autouse=True)
def cheap_guesses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "_SCRYPT", {"n": 2, "r": 8, "p": 1})


def opened(folder: Path, words: str = "") -> Authority:
    return open_authority(folder, "mesh.test", ["127.0.0.1"], NOW, words)


def shows_key(folder: Path, of: Authority) -> list[str]:
    """The files in which the plain key stands, in PEM or as its bytes."""
    number = of._key.private_numbers().private_value.to_bytes(32, "big")
    lines = of.root_key_pem.splitlines()[1:-1]
    return [
        file.name
        for file in folder.iterdir()
        if any(secret in file.read_bytes() for secret in (number, *lines))
    ]


def test_a_key_made_under_a_passphrase_is_never_written_plainly(tmp_path: Path) -> None:
    made = opened(tmp_path, WORDS)
    assert shows_key(tmp_path, made) == []
    assert (tmp_path / "root.key").stat().st_mode & 0o777 == 0o600
    again = opened(tmp_path, WORDS)
    assert (again.root, again.root_key_pem) == (made.root, made.root_key_pem)


def test_a_plain_key_is_encrypted_at_the_next_start_and_stands_nowhere_any_more(
    tmp_path: Path,
) -> None:
    made = opened(tmp_path)
    assert shows_key(tmp_path, made) == ["root.key"]
    with (tmp_path / "root.key").open("rb") as before:
        again = opened(tmp_path, WORDS)
        assert set(before.read()) == {0}, "what was there is overwritten, too"
    assert shows_key(tmp_path, made) == []
    assert again.root_key_pem == made.root_key_pem
    assert opened(tmp_path, WORDS).root_key_pem == made.root_key_pem


@pytest.mark.parametrize("step", ["write_private", "sync_folder"])
def test_dying_while_it_is_encrypted_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    made = opened(tmp_path)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(files, step, die)
        with pytest.raises(KeyboardInterrupt):
            opened(tmp_path, WORDS)
    assert opened(tmp_path, WORDS).root_key_pem == made.root_key_pem
    assert shows_key(tmp_path, made) == []


def test_what_a_cut_off_write_left_is_removed(tmp_path: Path) -> None:
    made = opened(tmp_path, WORDS)
    (tmp_path / ".root.key.123.tmp").write_bytes(made.root_key_pem)
    opened(tmp_path, WORDS)
    assert shows_key(tmp_path, made) == []


def test_a_wrong_passphrase_is_one_sentence(tmp_path: Path) -> None:
    opened(tmp_path, WORDS)
    with pytest.raises(
        InvalidInput,
        match=r"root_key_passphrase_file does not fit: root key \S+ cannot be opened: the "
        "passphrase is wrong, or the file was changed$",
    ):
        opened(tmp_path, "another passphrase")


def test_an_encrypted_key_without_a_passphrase_names_the_setting(tmp_path: Path) -> None:
    opened(tmp_path, WORDS)
    with pytest.raises(InvalidInput, match="is encrypted: name its passphrase by root_key_pass"):
        opened(tmp_path)


def test_what_the_controller_and_its_api_show_is_never_written_down(tmp_path: Path) -> None:
    made = opened(tmp_path, WORDS)
    for shown in (made.identity(NOW), made.api_identity(NOW), made.api_identity(LATER)):
        assert b"PRIVATE KEY" in shown.key
    assert {file.name for file in tmp_path.iterdir()} == {"root.pem", "root.key"}
    assert shows_key(tmp_path, made) == []
    assert made.identity(NOW).key != made.api_identity(NOW).key


def test_a_key_that_is_not_there_is_none_and_a_damaged_one_an_error(tmp_path: Path) -> None:
    file = tmp_path / "root.key"
    assert read_root_key(file, WORDS) is None
    for damaged in (b"", b"-----BEGIN", bytes(200)):
        file.write_bytes(damaged)
        with pytest.raises(InvalidInput, match=r"root key \S+ is damaged: private key cannot be"):
            read_root_key(file, WORDS)
        assert file.read_bytes() == damaged, "what cannot be read is not encrypted"
    key = new_key()
    write_root_key(file, key, "")
    assert file.read_bytes() == key_pem(key)


def test_a_passphrase_is_the_files_text_without_the_end_of_its_line(tmp_path: Path) -> None:
    file = tmp_path / "words"
    for text in (WORDS, f"{WORDS}\n", f"{WORDS}\r\n"):
        file.write_bytes(text.encode())
        assert read_passphrase(file, "field") == WORDS
    file.write_bytes(f" {WORDS} \n\n".encode())
    assert read_passphrase(file, "field") == f" {WORDS} \n", "spaces are part of it"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, r"field \S+ cannot be read: No such file"),
        (b"short", r"field \S+ has 5 characters, but must have between 12"),
        (b"", r"field \S+ is empty"),
        (b" \n" * 20, r"field \S+ is empty"),
        (b"  short  \t    ", r"field \S+ has 5 characters, but must have between 12"),
        (bytes(32), r"field \S+ is damaged"),
        (b"\xff" * 20, r"field \S+ does not hold text"),
    ],
)
def test_a_passphrase_file_of_no_use_is_named(
    tmp_path: Path, data: bytes | None, reason: str
) -> None:
    file = tmp_path / "words"
    if data is not None:
        file.write_bytes(data)
    with pytest.raises(InvalidInput, match=reason):
        read_passphrase(file, "field")


@pytest.mark.parametrize("words", ["", WORDS])
def test_a_first_start_that_is_cut_off_starts_over_with_nothing_signed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    """The key is there and its certificate is not: nobody has seen either."""

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(authority, "write_atomic", die)
        with pytest.raises(KeyboardInterrupt):
            opened(tmp_path, words)
    assert {f.name for f in tmp_path.iterdir()} == {"root.key"}
    made = opened(tmp_path, words)
    assert opened(tmp_path, words).root == made.root
    (tmp_path / "root.key").unlink()
    with pytest.raises(InvalidInput, match=r"root key \S+ is missing though \S+ exists"):
        opened(tmp_path, words)
