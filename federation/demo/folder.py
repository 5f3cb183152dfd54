"""The demo's folder: made, filled, locked and removed.

A folder is ours when it holds our marker file; nothing else is ever removed or written into.
"""

import contextlib
import fcntl
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import yaml

from federation.demo import configs
from federation.demo.configs import Paths
from federation.demo.layout import Layout, members
from federation.demo.owner import check_ours
from federation.demo.processes import pause
from federation.demo.sources import source_files
from federation.demo.topology import marker_text
from federation.model.errors import Conflict, Failed
from federation.runtime.clock import wall_seconds
from federation.runtime.files import private_folder, write_atomic, write_private
from federation.trust.workload_tokens import mint_workload_token

_TOKEN_SECONDS = 30 * 24 * 3600
_KEY_BYTES = 32
_LOCK_AGAIN_SECONDS = 0.05


def claim(folder: Path, layout: Layout) -> None:
    """Make the folder and mark it as ours.

    Raises Conflict when it holds something else or another demo, Failed when it cannot be made.
    """
    try:
        if not folder.is_symlink():
            private_folder(folder)
        check_ours(folder)
        if any(folder.iterdir()):
            raise Conflict(
                f"{folder} is not empty and not a demo's: choose another folder with --state"
            )
        with Paths(folder).marker.open("x") as marker:
            marker.write(marker_text(layout))
    except FileExistsError as error:
        raise Conflict(f"another fedctl is just starting a demo in {folder}") from error
    except OSError as error:
        raise Failed(
            f"{folder} cannot be used ({error.strerror}): choose another folder with --state"
        ) from error


@contextlib.contextmanager
def locked(folder: Path, seconds: float = 0.0) -> Iterator[None]:
    """Only one fedctl at a time starts or stops the demo, or writes its topology.

    Raises Conflict when another one is still at it after some seconds, FileNotFoundError when there
    is no demo.
    """
    check_ours(folder)
    deadline = time.monotonic() + seconds
    with Paths(folder).marker.open("r+") as marker:
        while not _lock(marker):
            if time.monotonic() >= deadline:
                raise Conflict(
                    f"another fedctl is just starting or stopping the demo in {folder}: wait for it"
                )
            pause(_LOCK_AGAIN_SECONDS)
        yield


def _lock(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def fill(layout: Layout, paths: Paths) -> None:
    """Write all that the processes read: sources, settings, keys and tokens."""
    for name in ("config", "state", "logs", "journals", "tokens"):
        private_folder(paths.folder / name)
    for site in layout.sites:
        source = paths.source(site.id)
        source.mkdir(parents=True)
        for name, text in source_files(site).items():
            write_atomic(source / name, text.encode())
    _write_fedctl_config(layout, paths)
    _write_settings(layout, paths)
    _write_tokens(layout, paths)


def _write_fedctl_config(layout: Layout, paths: Paths) -> None:
    document = {
        "controller": f"https://{members(layout)[0].address('api')}",
        "ca_file": str(paths.root()),
        "token_file": str(paths.admin_token()),
    }
    write_atomic(paths.fedctl, yaml.safe_dump(document, sort_keys=False).encode())


def _write_settings(layout: Layout, paths: Paths) -> None:
    for member in members(layout):
        if member.role not in configs.WITHOUT_SETTINGS:
            settings = configs.settings_of(member, layout, paths)
            text = yaml.safe_dump(settings, sort_keys=False)
            write_atomic(paths.config(member), text.encode())
            private_folder(paths.state(member.name))


def _write_tokens(layout: Layout, paths: Paths) -> None:
    keys = {site.id: secrets.token_bytes(_KEY_BYTES) for site in layout.sites}
    for cluster, key in keys.items():
        write_private(paths.workload_key(cluster), key)
    write_private(paths.backup_words(), f"{secrets.token_urlsafe(24)}\n".encode())
    made = int(wall_seconds())
    for member in members(layout):
        for file, subject in configs.tokens_of(member, layout, paths):
            token = mint_workload_token(
                keys[member.cluster], subject, made + _TOKEN_SECONDS, made=made
            )
            write_private(file, token.encode() + b"\n")


def remove(folder: Path) -> None:
    """Remove a folder that is ours, the marker last: a half removed one can be removed again."""
    check_ours(folder)
    marker = Paths(folder).marker
    if not marker.exists():
        return
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry != marker:
            entry.unlink()
    marker.unlink()
    folder.rmdir()
