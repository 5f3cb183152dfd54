"""Tokens: what a cluster joins with, and what a workload on a host proves itself with.

In: random bytes or keys that a shell made, ids, and now (seconds since 1970). Out: tokens as text,
and the judgement of one. Secrets never appear in an error.

    fmj1.<base64url JSON of JoinToken>                         single use, spent at the controller
    fmw1.<base64url JSON {sub, exp, iat}>.<base64url HMAC>     checked by the agent that minted it
"""

import base64
import hashlib
import hmac
import json
import re
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime

from federation.model.errors import Denied, InvalidInput
from federation.model.names import ClusterId, parse_cluster_id, parse_port
from federation.trust.spiffe import DNS_SUBJECT, subject_id

_JOIN_PREFIX = "fmj1."
_WORKLOAD_PREFIX = "fmw1."
_LONGEST_TOKEN = 4096
TOKEN_NOTICE = 7 * 86_400
"""Seconds before its end from which a workload token is told of."""
LONGEST_LIFE = 365 * 86_400
"""Seconds that a workload token may live."""
_LAST = 253_402_300_799  # the end of the year 9999
_SHORTEST_KEY = 32
_LEAST_CHANCE = 12
"""Different bytes in a key; 32 random ones have 30, hardly ever less than 22."""
_SHA256_HEX = re.compile(r"[0-9a-f]{64}")
_URL = re.compile(
    r"https://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{1,5}))?/?", re.ASCII
)
_WORD = re.compile(r"[A-Za-z0-9_-]{1,128}")


@dataclass(frozen=True, slots=True)
class JoinToken:
    """All a cluster needs to join: where to, whom to trust, as whom, and the proof.

    `url` is the controller's HTTPS API, `root_sha256` the root certificate's DER digest in
    hexadecimal: with it the very first connection is authenticated.
    """

    url: str
    root_sha256: str
    cluster: ClusterId
    id: str
    secret: str


@dataclass(frozen=True, slots=True)
class JoinRecord:
    """What the controller keeps of a join token: never the secret itself.

    `used_by` is the digest of the key that the token was spent
    on, empty while it is unspent. `joined`: the cluster has joined with that key; what comes after
    is a repetition. `used_from` is the address that it came from, `revoked` says that it was made
    void. Times are in seconds since 1970.
    """

    id: str
    cluster: ClusterId
    secret_sha256: str
    expires: int
    used_by: str = ""
    joined: bool = False
    created: int = 0
    used_at: int = 0
    used_from: str = ""
    revoked: bool = False


def format_join_token(token: JoinToken) -> str:
    """The token as text; raises InvalidInput for a token that could not be read back."""
    text = _JOIN_PREFIX + _encode(asdict(token))
    parse_join_token(text)
    return text


def parse_join_token(text: str) -> JoinToken:
    """Read a join token, with white space around it as copying leaves it; raises InvalidInput."""
    text = text.strip()
    if len(text) > _LONGEST_TOKEN:
        raise InvalidInput(
            f"join token has {len(text)} characters, but must have at most {_LONGEST_TOKEN}"
        )
    if not text.startswith(_JOIN_PREFIX):
        raise InvalidInput(f"join token does not begin with {_JOIN_PREFIX!r}")
    values = _decode(text.removeprefix(_JOIN_PREFIX))
    names = {field.name for field in fields(JoinToken)}
    if values is None or set(values) != names:
        raise InvalidInput("join token is damaged: copy it again from where it was made")
    return _checked({name: _text(values, name) for name in sorted(names)})


def secret_hash(secret: str) -> str:
    """SHA-256 of a token's secret, in hexadecimal.

    A plain hash is enough, since the secret is random and long, not a password.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def check_secret(record: JoinRecord, token_secret: str, now: float) -> None:
    """Raise Denied for a wrong secret, and for a token that was revoked or has expired.

    The secret is judged first: who does not know it learns nothing of the token's state.
    """
    if not _equal(secret_hash(token_secret), record.secret_sha256):
        raise Denied(f"secret of join token {record.id} is wrong")
    if record.revoked:
        raise Denied(
            f"join token {record.id} for cluster {record.cluster} was revoked, by itself or with "
            "its cluster"
        )
    if now >= record.expires:
        raise Denied(f"join token {record.id} for cluster {record.cluster} has expired")


def state_of(record: JoinRecord, now: float) -> str:
    """What has become of a token, in one word: unused, used, revoked or expired."""
    if record.revoked:
        return "revoked"
    if record.used_by:
        return "used"
    return "expired" if now >= record.expires else "unused"


def redeem(record: JoinRecord, token_secret: str, csr_key_sha256: str, now: float) -> JoinRecord:
    """Spend the token on a key; returns the record to store by compare-and-swap.

    The cluster that joins is the record's, whatever the token says. The same key may come again
    before the token expires, since an answer can be lost. Raises Denied as `check_secret` does, and
    for a token that was spent on another key.
    """
    if not _SHA256_HEX.fullmatch(csr_key_sha256):
        raise InvalidInput("digest of the request's key is not a SHA-256 in hexadecimal")
    check_secret(record, token_secret, now)
    if record.used_by and not _equal(record.used_by, csr_key_sha256):
        raise Denied(
            f"join token {record.id} for cluster {record.cluster} was already used for another key"
        )
    return replace(record, used_by=csr_key_sha256, used_at=record.used_at or int(now))


def check_token_key(key: bytes, what: str) -> bytes:
    """The key of workload tokens; raises InvalidInput that names `what` for one of no use."""
    _check_length(key, what)
    if len(set(key)) < _LEAST_CHANCE:
        raise InvalidInput(f"{what} is damaged: it does not hold random bytes")
    return key


def mint_workload_token(key: bytes, subject: str, expires: int, *, made: int = 0) -> str:
    """A token for `NAMESPACE/ACCOUNT`, `gateway:NAME`, `entry:NAME` or `dns` until `expires`.

    Times are in seconds since 1970; `made` is for its holder only, who then knows its whole life.
    `key` has at least 32 random bytes and never leaves the agent. Raises InvalidInput.
    """
    _check_subject(subject)
    if made and expires - made > LONGEST_LIFE:
        raise InvalidInput(
            f"life of a workload token is {(expires - made) // 86_400} days, but must be at most "
            f"{LONGEST_LIFE // 86_400} days"
        )
    life = {"exp": expires, **({"iat": made} if made else {})}
    signed = _WORKLOAD_PREFIX + _encode({"sub": subject, **life})
    return f"{signed}.{_signature(key, signed)}"


def check_workload_token(key: bytes, token: str, now: float) -> str:
    """The subject of a workload token that this key signed and that has not expired.

    Raises Denied for every other text; nothing is decoded before the signature is known good.
    """
    if len(token) > _LONGEST_TOKEN or not token.isascii():
        raise Denied("workload token is not one of this mesh")
    signed, _, signature = token.rpartition(".")
    if not _equal(_signature(key, signed), signature) or not signed.startswith(_WORKLOAD_PREFIX):
        raise Denied("workload token was not signed by this cluster's agent")
    values = _decode(signed.removeprefix(_WORKLOAD_PREFIX)) or {}
    subject, expires = values.get("sub"), values.get("exp")
    if not isinstance(subject, str) or not isinstance(expires, int):
        raise Denied("workload token lacks a subject or an end")
    if now >= expires:
        raise Denied(f"workload token of {subject} has expired")
    try:
        _check_subject(subject)
    except InvalidInput as error:
        raise Denied(f"workload token is of no use any more, make a new one: {error}") from error
    return subject


def workload_token_end(token: str) -> int | None:
    """When a workload token expires (seconds since 1970), as it says itself; None for others.

    For its holder, who cannot check it.
    """
    life = workload_token_life(token)
    return life.ends if life is not None else None


@dataclass(frozen=True, slots=True)
class TokenLife:
    """When a workload token was made, 0 when it does not say, and when it ends."""

    made: int
    ends: int

    def problem(self, now: float) -> str:
        """That it ends soon, in words; empty while there is time.

        Told for 7 days, or in the second half of a shorter life.
        """
        notice = min(TOKEN_NOTICE, (self.ends - self.made) // 2) if self.made else TOKEN_NOTICE
        if now < self.ends - notice:
            return ""
        at = datetime.fromtimestamp(min(self.ends, _LAST), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return f"it ended at {at}" if now >= self.ends else f"it ends at {at}"


def workload_token_life(token: str) -> TokenLife | None:
    """The times of a workload token as it says itself; None for another text.

    For its holder, who cannot check it.
    """
    signed, _, _ = token.rpartition(".")
    if len(token) > _LONGEST_TOKEN or not signed.startswith(_WORKLOAD_PREFIX):
        return None
    values = _decode(signed.removeprefix(_WORKLOAD_PREFIX)) or {}
    made, ends = values.get("iat", 0), values.get("exp")
    if not isinstance(ends, int) or not isinstance(made, int):
        return None
    return TokenLife(made, ends)


def _check_subject(subject: str) -> None:
    if subject != DNS_SUBJECT:
        subject_id("any", subject)  # raises for a subject that could not become an id


def _checked(values: dict[str, str]) -> JoinToken:
    _check_url(values["url"])
    if not _SHA256_HEX.fullmatch(values["root_sha256"]):
        raise InvalidInput("root_sha256 of join token must be 64 lower-case hexadecimal digits")
    for name in ("id", "secret"):
        if not _WORD.fullmatch(values[name]):
            raise InvalidInput(
                f"{name} of join token must be 1 to 128 characters from A-Z a-z 0-9 _ -"
            )
    cluster = parse_cluster_id(values["cluster"])
    return JoinToken(values["url"], values["root_sha256"], cluster, values["id"], values["secret"])


def _check_url(url: str) -> None:
    match = _URL.fullmatch(url)
    if match is None:
        raise InvalidInput(f"url of join token is {url[:120]!r}, but must be https://HOST[:PORT]")
    if match["port"]:
        parse_port(int(match["port"]), "port in the url of join token")


def _signature(key: bytes, signed: str) -> str:
    _check_length(key, "key of workload tokens")
    return _base64(hmac.digest(key, signed.encode(), "sha256"))


def _check_length(key: bytes, what: str) -> None:
    if len(key) < _SHORTEST_KEY:
        raise InvalidInput(f"{what} has {len(key)} bytes, but must have at least {_SHORTEST_KEY}")


def _encode(values: dict[str, str | int]) -> str:
    return _base64(json.dumps(values, sort_keys=True, separators=(",", ":")).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> dict[str, object] | None:
    # Deep nesting ends in RecursionError, which is no ValueError.
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        values = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def _text(values: dict[str, object], name: str) -> str:
    value = values[name]
    if not isinstance(value, str):
        raise InvalidInput(f"{name} of join token must be text")
    return value


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
