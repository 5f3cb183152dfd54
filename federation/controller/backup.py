"""Backups of the controller: all it must not lose, in one encrypted file, and back.

In: the store, the root key and certificate, the admin token, and the passphrase of the controller's
settings. Out: a sealed document, made in the controller itself, so that the root key leaves it
encrypted only; who asks for a backup has no say in what opens it. A restored store begins a new
epoch, and awaits every cluster (`federation.controller.facts.retained`).
"""

import asyncio
import os
import secrets
import shutil
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from federation.controller.audit import Audit
from federation.controller.audit_chain import read_line
from federation.controller.audit_entry import Act, acts_in_store
from federation.controller.audit_file import AuditFile
from federation.controller.membership.members import begin_again
from federation.controller.store.sqlite import open_store, take_back
from federation.controller.store.store import Snapshots
from federation.controller.trust.authority import Authority
from federation.controller.trust.root_key import write_root_key
from federation.model.errors import Conflict, Failed, InvalidInput, NotReady
from federation.model.timestamps import rfc3339
from federation.runtime.files import private_folder, sync_folder, write_private
from federation.trust.pem import certificate_sha256, load_certificates, load_key
from federation.trust.sealed import CHANCE_BYTES, check_sealed, seal, unseal

PURPOSE = "backup"
_FILLING = ".restoring"
_OF_THE_DISK = frozenset({"lost+found"})


class Backup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a backup holds; `made` is in seconds since 1970, `root_key` is PEM.

    `audit` is the end of the audit log, which goes on from there after a restore.
    """

    made: int
    epoch: str
    store: bytes
    root_key: bytes
    root: bytes
    admin_token: bytes
    audit: bytes = b""

    def summary(self) -> str:
        """One line about it, without secrets."""
        at = rfc3339(self.made)
        root = certificate_sha256(load_certificates(self.root)[0])
        return f"made {at}, epoch {self.epoch}, root certificate {root[:16]}"


class Backups:
    """Makes backups of a running controller, one at a time: each takes memory for the whole.

    `passphrase` is that of the controller's settings, empty where there is none; `audit` gives the
    end of the audit log.
    """

    def __init__(
        self,
        store: Snapshots,
        authority: Authority,
        admin_token: str,
        passphrase: str,
        audit: Callable[[], bytes] = bytes,
    ) -> None:
        self._store = store
        self._authority = authority
        self._admin_token = admin_token
        self._passphrase = passphrase
        self._audit = audit
        self._one = asyncio.Lock()

    async def make(self, now: float) -> bytes:
        """A sealed backup of this moment; raises NotReady when there is nothing to seal it with."""
        if not self._passphrase:
            raise NotReady(
                "this controller makes no backups, since nothing says who may open them: name a "
                "file with a passphrase in its setting backup_passphrase_file, and start it again"
            )
        if self._one.locked():
            raise Conflict("another backup is just being made: try again when it is done")
        async with self._one:
            backup = Backup(
                made=int(now),
                epoch=self._store.epoch,
                store=await self._store.snapshot(),
                root_key=self._authority.root_key_pem,
                root=self._authority.root_pem,
                admin_token=self._admin_token.encode(),
                audit=self._audit(),
            )
            return await asyncio.to_thread(_sealed, backup, self._passphrase)


def _sealed(backup: Backup, passphrase: str) -> bytes:
    packed = zlib.compress(msgspec.msgpack.encode(backup))
    return seal(packed, passphrase, PURPOSE, secrets.token_bytes(CHANCE_BYTES))


def check_backup(data: bytes, what: str) -> None:
    """Raise InvalidInput, which names `what`, for bytes that do not look like a backup."""
    check_sealed(data, PURPOSE, what)


def open_backup(data: bytes, passphrase: str, what: str) -> Backup:
    """What is in a sealed backup; raises Denied and InvalidInput that name `what`."""
    packed = unseal(data, passphrase, PURPOSE, what)
    try:
        backup = msgspec.msgpack.decode(zlib.decompress(packed), type=Backup)
    except (zlib.error, msgspec.MsgspecError) as error:
        raise InvalidInput(f"{what} holds something else than a backup: {error}") from error
    if load_certificates(backup.root)[0].public_key() != load_key(backup.root_key).public_key():
        raise InvalidInput(f"{what} holds a root key that does not belong to its certificate")
    return backup


async def restore(backup: Backup, folder: Path, key_passphrase: str, new_epoch: str) -> None:
    """Write a backup into a folder that is empty or missing.

    The root key is written under `key_passphrase` unless that is empty. Cut off, it can be
    repeated, and no controller starts with half of it (`check_whole`). Raises Conflict for a folder
    that holds something else, Failed when the disk refuses.
    """
    with _filling(folder) as made:
        store = made / "store.sqlite"
        take_back(store, backup.store, new_epoch)
        async with open_store(store, new_epoch) as opened:
            await begin_again(opened)
            acts = await acts_in_store(opened)
        await _restore_audit(made / "audit", backup, acts)
        write_root_key(made / "root.key", load_key(backup.root_key), key_passphrase)
        write_private(made / "root.pem", backup.root)
        write_private(made / "admin.token", backup.admin_token)


async def _restore_audit(folder: Path, backup: Backup, acts: tuple[Act, ...]) -> None:
    """The end of the audit log, and that it was restored; raises Failed when it cannot be kept."""
    private_folder(folder)
    if backup.audit:
        first = read_line(backup.audit.partition(b"\n")[0])["number"]
        write_private(folder / f"{first:012}.jsonl", backup.audit)
    audit = Audit(AuditFile(folder))
    await audit.load(acts)
    await audit.note(Act("restore", f"uid {os.getuid()}", "", detail=backup.summary()))
    if audit.problem:
        raise Failed(f"{folder} cannot be restored: {audit.problem}")


def check_whole(folder: Path) -> None:
    """Raise Failed for a state folder in which a restore was cut off."""
    if (folder / _FILLING).exists():
        raise Failed(f"a restore into {folder} was cut off: repeat 'fedctl restore'")


@contextmanager
def _filling(folder: Path) -> Iterator[Path]:
    """A folder to fill, whose files become those of `folder` when all went well.

    It lies inside, since `folder` may be a disk of its own, and is there until all is done.
    """
    inside = folder / _FILLING
    try:
        _check_free(folder)
        private_folder(folder)
        private_folder(inside)
        _empty(inside)
        try:
            yield inside
        except BaseException:
            _empty(inside)
            inside.rmdir()
            raise
        for file in sorted(inside.iterdir()):
            if file.is_dir():
                shutil.rmtree(folder / file.name, ignore_errors=True)  # of a restore cut off here
            file.replace(folder / file.name)
        sync_folder(folder)
        inside.rmdir()
        sync_folder(folder)
    except OSError as error:
        raise Failed(f"{folder} cannot be restored: {error.strerror or error}") from error


def _check_free(folder: Path) -> None:
    names = {entry.name for entry in folder.iterdir()} if folder.exists() else set()
    if _FILLING not in names and names - _OF_THE_DISK:
        raise Conflict(
            f"{folder} is not empty: a backup is restored into an empty folder, so that nothing is "
            "overwritten"
        )


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()
