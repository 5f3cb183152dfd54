"""What was called is on disk a moment later, and a bad file is no more than nothing."""

import asyncio
import stat
from pathlib import Path

import msgspec
import pytest

from federation.runtime.disk import Disk
from federation.runtime.tasks import cancel, start
from federation.supervisor.imports import MOST_MISSING
from federation.supervisor.kept_hosts import MOST_HOSTS, KeptHosts
from federation.xds.messages import MAX_NAMES


def kept(folder: Path, *called: str) -> KeptHosts:
    return KeptHosts(folder, lambda: called, Disk())


@pytest.mark.looptime
async def test_what_was_called_is_there_after_a_restart(tmp_path: Path) -> None:
    hosts = kept(tmp_path, "b.shop", "a.shop")
    saving = start(hosts.loop.run(), "saving")
    hosts.note()
    await asyncio.sleep(1)
    await cancel(saving)
    assert kept(tmp_path).load() == ("a.shop", "b.shop")
    assert stat.S_IMODE((tmp_path / "called.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "{", '{"a": 1}', "[1]", "\xff"])
def test_a_damaged_file_counts_as_not_there(tmp_path: Path, text: str) -> None:
    (tmp_path / "called.json").write_bytes(text.encode("latin-1"))
    assert kept(tmp_path).load() == ()


def test_a_file_that_cannot_be_read_ends_nobody(tmp_path: Path) -> None:
    (tmp_path / "called.json").mkdir()
    assert kept(tmp_path).load() == ()


def test_without_a_file_nothing_was_called(tmp_path: Path) -> None:
    assert kept(tmp_path).load() == ()


def test_no_more_hosts_are_taken_back_than_the_agent_can_be_asked_for(tmp_path: Path) -> None:
    hosts = [f"x{number}.shop" for number in range(MOST_HOSTS + 5)]
    (tmp_path / "called.json").write_bytes(msgspec.json.encode(hosts))
    assert kept(tmp_path).load() == tuple(hosts[:MOST_HOSTS])
    assert MOST_HOSTS + MOST_MISSING < MAX_NAMES
