"""Test processes take turns: one alone, or others beside each other."""

import fcntl
import os
from pathlib import Path

import pytest

from tests.e2e.turns import Turns


def may_have(file: Path, kind: int) -> bool:
    """Whether another process could have a turn of this kind now."""
    found = os.open(file, os.O_RDWR)
    try:
        fcntl.flock(found, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(found)
    return True


@pytest.mark.parametrize("before", [None, False, True])
@pytest.mark.parametrize(("alone", "beside_others"), [(True, False), (False, True)])
def test_a_turn_keeps_out_whom_it_should_until_its_end(
    before: bool | None, alone: bool, beside_others: bool, tmp_path: Path
) -> None:
    file = tmp_path / "turns"
    turns = Turns(file)
    if before is not None:
        turns.take(alone=before)
    turns.take(alone=alone)
    assert may_have(file, fcntl.LOCK_SH) is beside_others
    assert not may_have(file, fcntl.LOCK_EX)
    turns.end()
    assert may_have(file, fcntl.LOCK_EX)
    turns.close()


def test_who_ends_in_the_middle_of_a_turn_keeps_out_nobody(tmp_path: Path) -> None:
    turns = Turns(tmp_path / "turns")
    turns.take(alone=True)
    turns.close()
    assert may_have(tmp_path / "turns", fcntl.LOCK_EX)
