"""Documents under a passphrase: backups, and the root key where it lies.

In: bytes, a passphrase, 28 random bytes. Out: the sealed document, and back. Scrypt makes the key
(RFC 7914), AES-256-GCM seals (NIST SP 800-38D); the first line, which names version and purpose, is
authenticated too.

    fedmesh-sealed 1 PURPOSE\\n  salt (16)  nonce (12)  ciphertext and tag
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from federation.model.errors import Denied, InvalidInput

SHORTEST_PASSPHRASE = 12
LONGEST_PASSPHRASE = 1024
_SALT_BYTES = 16
_NONCE_BYTES = 12
CHANCE_BYTES = _SALT_BYTES + _NONCE_BYTES
_TAG_BYTES = 16
_KEY_BYTES = 32
_MAGIC = b"fedmesh-sealed "
_VERSION = b"1"

# 32 MiB and about a quarter of a second for each guess: as strong as OWASP's first choice for
# scrypt (2^17, 8, 1), with a quarter of its memory. They belong to version 1 and are not written
# into the document, so that a forged one cannot ask for more.
_SCRYPT = {"n": 1 << 15, "r": 8, "p": 3}


def check_passphrase(text: str, what: str) -> str:
    """The passphrase; raises InvalidInput that names `what` when it is too short or too long.

    White space around it is part of it, but does not count; zeros are what a crash leaves.
    """
    if "\0" in text or not text.strip():
        raise InvalidInput(f"{what} is {'damaged' if text.strip() else 'empty'}")
    size = len(text) if len(text) > LONGEST_PASSPHRASE else len(text.strip())
    if not SHORTEST_PASSPHRASE <= size <= LONGEST_PASSPHRASE:
        raise InvalidInput(
            f"{what} has {size} characters, but must have between {SHORTEST_PASSPHRASE} and "
            f"{LONGEST_PASSPHRASE}"
        )
    return text


def is_sealed(data: bytes) -> bool:
    """Whether these bytes say that they are a sealed document."""
    return data.startswith(_MAGIC)


def seal(data: bytes, passphrase: str, purpose: str, chance: bytes) -> bytes:
    """Seal a document for a purpose; `chance` is `CHANCE_BYTES` random bytes, never used before."""
    if len(chance) != CHANCE_BYTES:
        raise InvalidInput(f"sealing needs {CHANCE_BYTES} random bytes, not {len(chance)}")
    head = _head(purpose)
    salt, nonce = chance[:_SALT_BYTES], chance[_SALT_BYTES:]
    return head + chance + AESGCM(_key(passphrase, salt)).encrypt(nonce, data, head)


def check_sealed(data: bytes, purpose: str, what: str) -> None:
    """Raise InvalidInput, which names `what`, for what is no document sealed for this purpose."""
    head = _head(purpose)
    if not data.startswith(head):
        raise InvalidInput(f"{what} {_strange(data, purpose)}")
    if len(data) < len(head) + CHANCE_BYTES + _TAG_BYTES:
        raise InvalidInput(f"{what} is cut short")


def unseal(data: bytes, passphrase: str, purpose: str, what: str) -> bytes:
    """The document that was sealed for this purpose.

    Raises InvalidInput for bytes that are no such document, and Denied for another passphrase or
    a document that was changed, which cannot be told apart; both name `what`.
    """
    check_sealed(data, purpose, what)
    head = _head(purpose)
    chance, sealed = data[len(head) :][:CHANCE_BYTES], data[len(head) + CHANCE_BYTES :]
    salt, nonce = chance[:_SALT_BYTES], chance[_SALT_BYTES:]
    try:
        return AESGCM(_key(passphrase, salt)).decrypt(nonce, sealed, head)
    except InvalidTag as error:
        raise Denied(
            f"{what} cannot be opened: the passphrase is wrong, or the file was changed"
        ) from error


def _head(purpose: str) -> bytes:
    return _MAGIC + _VERSION + b" " + purpose.encode() + b"\n"


def _strange(data: bytes, purpose: str) -> str:
    """Why these bytes are not what was asked for."""
    if not is_sealed(data):
        return f"is not a {purpose} of fedmesh"
    words = data.partition(b"\n")[0][:80].removeprefix(_MAGIC).decode("ascii", "replace")
    version, _, found = words.partition(" ")
    if version != _VERSION.decode():
        return f"has version {version[:20]!r}, but this fedmesh reads version {_VERSION.decode()}"
    return f"is a {found[:40]!r}, but must be a {purpose!r}"


def _key(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=_KEY_BYTES, **_SCRYPT).derive(passphrase.encode())
