"""A sealed document opens with its passphrase, for its purpose, unchanged, or not at all."""

import pytest

from federation.model.errors import Denied, InvalidInput
from federation.trust import sealed
from federation.trust.sealed import CHANCE_BYTES, check_passphrase, is_sealed, seal, unseal

WORDS = "correct horse battery"
CHANCE = bytes(range(CHANCE_BYTES))
SECRET = b"-----BEGIN PRIVATE KEY-----"


@pytest.fixture(autouse=True)
def cheap_guesses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real costs are tried once, below."""
    monkeypatch.setattr(sealed, "_SCRYPT", {"n": 2, "r": 8, "p": 1})


def test_what_was_sealed_opens_again_and_shows_nothing_meanwhile() -> None:
    made = seal(SECRET, WORDS, "backup", CHANCE)
    assert is_sealed(made)
    assert not is_sealed(SECRET)
    assert SECRET not in made
    assert made.startswith(b"fedmesh-sealed 1 backup\n")
    assert unseal(made, WORDS, "backup", "file x") == SECRET


def test_the_real_costs_are_bearable_and_part_of_the_format(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()
    assert sealed._SCRYPT == {"n": 32768, "r": 8, "p": 3}, "changing them needs a new version"
    assert unseal(seal(b"x", WORDS, "backup", CHANCE), WORDS, "backup", "it") == b"x"


def test_another_passphrase_is_denied_in_one_sentence() -> None:
    made = seal(SECRET, WORDS, "backup", CHANCE)
    with pytest.raises(Denied, match="file x cannot be opened: the passphrase is wrong, or"):
        unseal(made, f"{WORDS} ", "backup", "file x")


def test_a_change_of_any_byte_is_noticed() -> None:
    made = seal(b"abc", WORDS, "backup", CHANCE)
    for at in range(len(made)):
        changed = bytearray(made)
        changed[at] ^= 1
        with pytest.raises((Denied, InvalidInput)):
            unseal(bytes(changed), WORDS, "backup", "it")


def test_a_document_that_was_cut_is_noticed() -> None:
    made = seal(b"abc", WORDS, "backup", CHANCE)
    for length in range(len(made)):
        with pytest.raises((Denied, InvalidInput)):
            unseal(made[:length], WORDS, "backup", "it")


def test_a_document_for_one_purpose_is_of_no_use_for_another() -> None:
    made = seal(SECRET, WORDS, "root key", CHANCE)
    with pytest.raises(InvalidInput, match="it is a 'root key', but must be a 'backup'"):
        unseal(made, WORDS, "backup", "it")
    forged = made.replace(b"root key\n", b"backup\n")
    with pytest.raises(Denied):
        unseal(forged, WORDS, "backup", "it")


def test_what_it_is_instead_is_said() -> None:
    with pytest.raises(InvalidInput, match="file x is not a backup of fedmesh"):
        unseal(b"PK\3\4", WORDS, "backup", "file x")
    with pytest.raises(InvalidInput, match="has version '2', but this fedmesh reads version 1"):
        unseal(b"fedmesh-sealed 2 backup\n" + bytes(99), WORDS, "backup", "file x")
    with pytest.raises(InvalidInput, match="cut short"):
        unseal(b"fedmesh-sealed 1 backup\n" + bytes(40), WORDS, "backup", "file x")


@pytest.mark.parametrize(
    ("length", "is_good"), [(11, False), (12, True), (1024, True), (1025, False)]
)
def test_a_passphrase_has_a_length(length: int, is_good: bool) -> None:
    if is_good:
        assert check_passphrase("x" * length, "passphrase") == "x" * length
        return
    with pytest.raises(InvalidInput, match=f"passphrase has {length} characters"):
        check_passphrase("x" * length, "passphrase")


def test_chance_must_be_given_in_full() -> None:
    with pytest.raises(InvalidInput, match="needs 28 random bytes, not 12"):
        seal(b"", WORDS, "backup", bytes(12))
