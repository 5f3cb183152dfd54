"""Join tokens: what a cluster joins the clusterset with, once.

In: random text that a shell made, ids, and now (seconds since 1970). Out: the token as text, what
the controller keeps of it, and the judgement of one. Secrets never appear in an error.

    fmj1.<base64url JSON of JoinToken>      single use, spent at the controller
"""

import hashlib
import re
from dataclasses import asdict, dataclass, fields, replace

from federation.model.errors import Denied, InvalidInput
from federation.model.names import ClusterId, parse_cluster_id, parse_port
from federation.trust.token_text import LONGEST_TOKEN, decode, encode, equal

_PREFIX = "fmj1."
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
    text = _PREFIX + encode(asdict(token))
    parse_join_token(text)
    return text


def parse_join_token(text: str) -> JoinToken:
    """Read a join token, with white space around it as copying leaves it; raises InvalidInput."""
    text = text.strip()
    if len(text) > LONGEST_TOKEN:
        raise InvalidInput(
            f"join token has {len(text)} characters, but must have at most {LONGEST_TOKEN}"
        )
    if not text.startswith(_PREFIX):
        raise InvalidInput(f"join token does not begin with {_PREFIX!r}")
    values = decode(text.removeprefix(_PREFIX))
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
    if not equal(secret_hash(token_secret), record.secret_sha256):
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
    if record.used_by and not equal(record.used_by, csr_key_sha256):
        raise Denied(
            f"join token {record.id} for cluster {record.cluster} was already used for another key"
        )
    return replace(record, used_by=csr_key_sha256, used_at=record.used_at or int(now))


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


def _text(values: dict[str, object], name: str) -> str:
    value = values[name]
    if not isinstance(value, str):
        raise InvalidInput(f"{name} of join token must be text")
    return value
