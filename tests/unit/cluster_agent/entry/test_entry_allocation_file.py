"""Addresses on disk."""

import asyncio
from pathlib import Path

import pytest

from cluster_agent.entry.allocation import Addresses
from cluster_agent.entry.allocation_file import AddressFile
from federation.runtime.disk import Disk
from federation.runtime.loops import LONGEST_PAUSE, running


def opened(file: Path, disk: Disk | None = None) -> tuple[Addresses, AddressFile]:
    addresses = Addresses()
    kept = AddressFile(file, addresses, disk or Disk())
    kept.load()
    return addresses, kept


def test_what_was_given_is_there_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "addresses.json"
    addresses, kept = opened(file)
    kept.save()
    assert not file.exists(), "nothing to keep"
    addresses.set_range("gw", "10.0.0.0/24")
    number = addresses.give("shop/api", 0.0)
    kept.save()
    assert file.stat().st_mode & 0o777 == 0o600
    again, _ = opened(file)
    assert again.gateways == ("gw",)
    assert again.give("shop/api", 1.0) == number


@pytest.mark.parametrize("text", ["{", "[]", "7", '{"ranges": {"gw": "no"}}'])
def test_a_damaged_file_is_said_and_counts_as_not_there(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "addresses.json"
    file.write_text(text)
    addresses, _ = opened(file)
    assert addresses.gateways == ()
    assert "addresses are damaged" in caplog.text


@pytest.mark.looptime
async def test_a_disk_that_takes_nothing_is_said_and_written_later(tmp_path: Path) -> None:
    folder, disk = tmp_path / "state", Disk()
    addresses, kept = opened(folder / "addresses.json", disk)
    async with running([disk.loop]):
        addresses.set_range("gw", "10.0.0.0/24")
        kept.save()
        kept.save()
        assert "after a restart of the agent some may be others" in kept.trouble
        folder.mkdir()
        await asyncio.sleep(LONGEST_PAUSE)
    assert kept.trouble == ""
    assert opened(folder / "addresses.json")[0].gateways == ("gw",)
