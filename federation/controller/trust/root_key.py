"""The root key where it lies: in the state folder, plain or under a passphrase.

In: the folder and, when one is configured, the passphrase. Out: the key. A plain key is encrypted
in place as soon as a passphrase is there; it never goes back by itself.
"""

import secrets
from pathlib import Path

from federation.model.errors import Denied, InvalidInput
from federation.runtime.files import overwrite_private, read_if_there, write_private
from federation.trust.pem import PrivateKey, key_pem, load_key
from federation.trust.sealed import CHANCE_BYTES, check_passphrase, is_sealed, seal, unseal

_PURPOSE = "root key"
_SETTING = "root_key_passphrase_file"


def read_passphrase(file: Path, field: str) -> str:
    """The passphrase in a file, without the line's end; raises InvalidInput that names `field`."""
    try:
        text = file.read_text("utf-8")
    except OSError as error:
        raise InvalidInput(f"{field} {file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{field} {file} does not hold text in UTF-8") from error
    return check_passphrase(text.removesuffix("\n").removesuffix("\r"), f"{field} {file}")


def read_root_key(file: Path, passphrase: str) -> PrivateKey | None:
    """The key in `file`, None when there is none; `passphrase` is empty where none is configured.

    Raises InvalidInput when the key is encrypted and nothing opens it, or when it is damaged.
    """
    for left in file.parent.glob(f".{file.name}.*.tmp"):
        left.unlink()  # of a write that was cut off before it counted
    data = read_if_there(file)
    if data is None:
        return None
    if not is_sealed(data):
        key = _load(data, file)
        if passphrase:
            overwrite_private(file, _sealed(key, passphrase))
        return key
    if not passphrase:
        raise InvalidInput(f"root key {file} is encrypted: name its passphrase by {_SETTING}")
    try:
        return _load(unseal(data, passphrase, _PURPOSE, f"root key {file}"), file)
    except Denied as error:
        raise InvalidInput(f"{_SETTING} does not fit: {error}") from error


def write_root_key(file: Path, key: PrivateKey, passphrase: str) -> None:
    """Write a new key, under the passphrase unless that is empty."""
    write_private(file, _sealed(key, passphrase) if passphrase else key_pem(key))


def _load(data: bytes, file: Path) -> PrivateKey:
    try:
        return load_key(data)
    except InvalidInput as error:
        raise InvalidInput(f"root key {file} is damaged: {error}") from error


def _sealed(key: PrivateKey, passphrase: str) -> bytes:
    return seal(key_pem(key), passphrase, _PURPOSE, secrets.token_bytes(CHANCE_BYTES))
