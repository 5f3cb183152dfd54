"""Discovery is kept in bounds, and what is wrong with the cache is nobody's trouble."""

import json
import os
from pathlib import Path

import pytest

from federation.cli.objects.discovery_cache import (
    MOST_BYTES,
    MOST_FILES,
    DiscoveryCache,
    cache_folder,
)
from federation.client.objects import Kept

FOUND = {"/apis": Kept('"ABC"', {"items": []})}
URL = "https://c:8443"


def test_what_is_stored_is_loaded_for_the_same_controller(tmp_path: Path) -> None:
    cache = DiscoveryCache(tmp_path / "new" / "fedmesh")
    cache.store(URL, FOUND)
    assert cache.load(URL) == FOUND
    assert cache.load("https://d:8443") == {}
    assert (tmp_path / "new" / "fedmesh").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"/apis": 3}', '{"/apis": {"etag": 1}}'])
def test_a_file_that_somebody_broke_is_no_cache(tmp_path: Path, text: str) -> None:
    cache = DiscoveryCache(tmp_path)
    cache.store(URL, FOUND)
    (file,) = tmp_path.iterdir()
    file.write_text(text)
    assert cache.load(URL) == {}


def test_a_file_that_is_too_large_is_neither_read_nor_written(tmp_path: Path) -> None:
    cache = DiscoveryCache(tmp_path)
    cache.store(URL, {"/apis": Kept("e", {"text": "x" * MOST_BYTES})})
    assert list(tmp_path.iterdir()) == []
    cache.store(URL, FOUND)
    (file,) = tmp_path.iterdir()
    whole = {"/apis": {"etag": "e", "body": {"text": "x" * MOST_BYTES}}}
    file.write_text(json.dumps(whole))
    assert cache.load(URL) == {}


def test_the_oldest_files_go(tmp_path: Path) -> None:
    cache = DiscoveryCache(tmp_path)
    for number in range(MOST_FILES + 3):
        cache.store(f"https://c{number}", FOUND)
        for file in tmp_path.iterdir():
            os.utime(file, (file.stat().st_mtime - 10,) * 2)
    assert len(list(tmp_path.iterdir())) == MOST_FILES
    assert cache.load("https://c2") == {}
    assert cache.load("https://c3") == FOUND


def test_a_folder_that_cannot_be_made_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file" / "fedmesh", None):
        cache = DiscoveryCache(folder)
        cache.store(URL, FOUND)
        assert cache.load(URL) == {}


def test_the_folder_is_where_the_desktop_keeps_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/a")
    assert cache_folder({"XDG_CACHE_HOME": "/var/c"}) == Path("/var/c/fedmesh")
    assert cache_folder({"XDG_CACHE_HOME": "relative"}) == Path("/home/a/.cache/fedmesh")
    assert cache_folder({}) == Path("/home/a/.cache/fedmesh")
