"""The proxy's certificate: made here, renewed at half its life, kept private."""

import ast
from datetime import UTC, datetime
from pathlib import Path

import pytest

from federation.model.errors import Failed, InvalidInput, NotReady
from federation.runtime.disk import write_together
from federation.supervisor.certificates import agent_trust
from federation.supervisor.certificates.agent_trust import (
    Certified,
    Trust,
    _make_key,
    file_of,
    format_trust,
    load_certified,
    read_token,
    read_trust,
)
from federation.trust.pem import csr_key, load_key, read_csr

HELD = Certified("KEY", "CHAIN", 1_000, 2_000)


@pytest.mark.parametrize(
    ("now", "due", "valid"),
    [(1_599.9, False, True), (1_600, True, True), (1_999.9, True, True), (2_000, True, False)],
)
def test_a_certificate_is_renewed_at_half_its_life(now: float, due: bool, valid: bool) -> None:
    is_due = HELD.is_due(datetime.fromtimestamp(now, UTC))  # made at 1,200, not at 1,000
    assert (is_due, HELD.is_valid(now)) == (due, valid)


def test_a_certificate_is_kept_for_the_next_start_by_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "identity.json"
    assert load_certified(file) is None
    write_together((file_of(file, HELD),))
    assert load_certified(file) == HELD
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("damaged", [b"", b"{", b"[]", b"{}", b'{"key": "x"}', b"\xff"])
def test_a_damaged_certificate_counts_as_not_there(tmp_path: Path, damaged: bytes) -> None:
    (tmp_path / "f").write_bytes(damaged)
    assert load_certified(tmp_path / "f") is None


def test_trust_is_read_as_it_was_written(tmp_path: Path) -> None:
    trust = Trust(b"-----BEGIN CERTIFICATE-----\n", "east.mesh.test")
    (tmp_path / "trust.pem").write_bytes(format_trust(trust))
    found = read_trust(tmp_path / "trust.pem")
    assert found == trust
    assert found.agent_host == "agent.east.mesh.test"
    assert (found.identity.roots, found.identity.key) == (trust.anchor, b"")


def test_trust_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match="not there yet"):
        read_trust(tmp_path / "trust.pem")
    (tmp_path / "trust.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\n")
    with pytest.raises(Failed, match="was not written by a fedmesh agent"):
        read_trust(tmp_path / "trust.pem")


def test_a_token_is_read_anew_without_white_space(tmp_path: Path) -> None:
    file = tmp_path / "token"
    with pytest.raises(NotReady):
        read_token(file)
    file.write_text("  abc\n")
    assert read_token(file) == "abc"


@pytest.mark.parametrize(
    ("held", "reason"),
    [
        (b"", "is empty, but must hold one token"),
        (b" \n", "is empty, but must hold one token"),
        (bytes(40), "does not hold one token"),
        (b"two words", "does not hold one token"),
        (b"\xff\xfe", "does not hold one token"),
        (b"x" * 4_097, "more than 4096 characters"),
    ],
)
def test_what_is_no_token_is_said_in_one_sentence(tmp_path: Path, held: bytes, reason: str) -> None:
    (tmp_path / "token").write_bytes(held)
    with pytest.raises(InvalidInput, match=f"token_file .*/token .*{reason}"):
        read_token(tmp_path / "token")


async def test_the_key_made_belongs_to_its_request() -> None:
    key, csr = await _make_key()
    assert load_key(key).public_key() == csr_key(read_csr(csr))


def test_a_supervisor_does_not_carry_the_cryptography_library() -> None:
    source = Path(agent_trust.__file__)
    imported = {
        node.module
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module
    }
    heavy = {m for m in imported if m.startswith(("cryptography", "federation.trust"))}
    assert heavy <= {"federation.trust.lives"}  # which is arithmetic
