"""The folder on a real disk: what is read, what is passed over, how fast a change is seen."""

import asyncio
import os
from pathlib import Path

from cluster_agent.sources.directory import DirectorySource
from cluster_agent.sources.source import Condition, Key
from federation.runtime.tasks import cancel, start

TEXT = "apiVersion: v1\nkind: Service\nmetadata: {name: NAME}\nspec: {ports: [{port: 80}]}\n"


def write(path: Path, text: str) -> None:
    """Put a finished file in place at once."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text)
    beside.rename(path)


def service(name: str) -> str:
    return TEXT.replace("NAME", name)


async def settled(source: DirectorySource) -> set[str]:
    """Turns until nothing is being written any more; the names of the services."""
    async with asyncio.timeout(3):
        while True:
            _, wait = await source.turn()
            if wait >= 1.0:
                return {key.name for key in source.objects}
            await asyncio.sleep(wait)


async def test_yaml_and_json_one_level_deep_are_read_and_the_rest_is_passed_over(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "source"
    (folder / "sub" / "deep").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    names = ["a.yaml", "b.yml", "c.json", "sub/d.yaml", "sub/deep/e.yaml", ".f.yaml", "g.txt"]
    names += ["h.yaml~", "i.yaml.swp", "j.yaml.tmp", "#k.yaml", ".hidden/l.yaml"]
    for number, name in enumerate(names):
        write(folder / name, service(f"s{number}"))
    write(tmp_path / "outside.yaml", service("outside"))
    (folder / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    source = DirectorySource(folder)
    assert not source.synced
    assert await settled(source) == {"s0", "s1", "s2", "s3"}
    assert (source.synced, source.problems) == (True, ())


async def test_an_unreadable_folder_withdraws_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    write(folder / "a.yaml", service("api"))
    source = DirectorySource(folder)
    await settled(source)
    folder.rename(tmp_path / "away")
    changed, _ = await source.turn()
    assert (changed, {key.name for key in source.objects}) == (set(), {"api"})
    assert "nothing is withdrawn" in source.problems[0].message


async def test_a_folder_that_was_never_read_is_not_synced(tmp_path: Path) -> None:
    source = DirectorySource(tmp_path / "missing")
    await source.turn()
    assert not source.synced
    assert len(source.problems) == 1


async def test_a_file_that_was_just_emptied_is_not_believed(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", service("api"))
    source = DirectorySource(tmp_path)
    await settled(source)
    (tmp_path / "a.yaml").write_text("")
    await source.turn()
    assert {key.name for key in source.objects} == {"api"}


async def test_bad_bytes_and_too_many_bytes_are_problems_of_their_files(tmp_path: Path) -> None:
    (tmp_path / "bytes.yaml").write_bytes(b"a: \xff")
    (tmp_path / "huge.yaml").write_text("#" * (1024 * 1024 + 1))
    write(tmp_path / "good.yaml", service("api"))
    source = DirectorySource(tmp_path)
    assert await settled(source) == {"api"}
    assert [p.where for p in source.problems] == ["bytes.yaml", "huge.yaml"]


async def test_a_renamed_file_is_seen_in_well_under_a_tenth_of_a_second(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", service("api"))
    beside = tmp_path / ".b.yaml.new"
    beside.write_text(service("web"))
    source = DirectorySource(tmp_path)
    seen: asyncio.Queue[set[Key]] = asyncio.Queue()
    task = start(source.run(seen.put_nowait), "source")
    try:
        async with asyncio.timeout(3):
            while not source.synced:
                await seen.get()
            await asyncio.sleep(0.1)  # the watch begins beside the first look
            started = asyncio.get_running_loop().time()
            beside.rename(tmp_path / "b.yaml")
            changed = await seen.get()
        took = asyncio.get_running_loop().time() - started
    finally:
        await cancel(task)
    assert [key.name for key in changed] == ["web"]
    assert took < 0.5  # far below the full read's 5 s; the usual value is 0.03


async def test_conditions_are_written_beside_and_not_read_back(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", service("api"))
    source = DirectorySource(tmp_path)
    await settled(source)
    export = Key("ServiceExport", "shop", "api")
    source.write_conditions({export: [Condition("Valid", "False", "NoService", "there is none")]})
    written = tmp_path / ".fedmesh" / "status.yaml"
    text = written.read_text()
    assert "reason: NoService" in text
    before = written.stat().st_mtime_ns
    source.write_conditions({export: [Condition("Valid", "False", "NoService", "there is none")]})
    assert written.stat().st_mtime_ns == before
    assert await settled(source) == {"api"}


async def test_a_folder_that_cannot_be_written_to_is_no_reason_to_stop(tmp_path: Path) -> None:
    (tmp_path / ".fedmesh").write_text("a file is in the way")
    source = DirectorySource(tmp_path)
    source.write_conditions({})
    assert os.listdir(tmp_path) == [".fedmesh"]  # noqa: PTH208
