"""Workload tokens: what a workload, gateway or DNS server proves itself to its agent with.

In: the agent's key, a subject, and now (seconds since 1970). Out: the token as text, and the
judgement of one.

    fmw1.<base64url JSON {sub, exp, iat}>.<base64url HMAC>     checked by the agent that minted it
"""

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime

from federation.model.errors import Denied, InvalidInput
from federation.trust.spiffe import DNS_SUBJECT, subject_id
from federation.trust.token_text import LONGEST_TOKEN, base64url, decode, encode, equal

_PREFIX = "fmw1."
TOKEN_NOTICE = 7 * 86_400
"""Seconds before its end from which a workload token is told of."""
LONGEST_LIFE = 365 * 86_400
"""Seconds that a workload token may live."""
_LAST = 253_402_300_799  # the end of the year 9999
_SHORTEST_KEY = 32
_LEAST_CHANCE = 12
"""Different bytes in a key; 32 random ones have 30, hardly ever less than 22."""


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
    signed = _PREFIX + encode({"sub": subject, **life})
    return f"{signed}.{_signature(key, signed)}"


def check_workload_token(key: bytes, token: str, now: float) -> str:
    """The subject of a workload token that this key signed and that has not expired.

    Raises Denied for every other text; nothing is decoded before the signature is known good.
    """
    if len(token) > LONGEST_TOKEN or not token.isascii():
        raise Denied("workload token is not one of this mesh")
    signed, _, signature = token.rpartition(".")
    if not equal(_signature(key, signed), signature) or not signed.startswith(_PREFIX):
        raise Denied("workload token was not signed by this cluster's agent")
    values = decode(signed.removeprefix(_PREFIX)) or {}
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
    if len(token) > LONGEST_TOKEN or not signed.startswith(_PREFIX):
        return None
    values = decode(signed.removeprefix(_PREFIX)) or {}
    made, ends = values.get("iat", 0), values.get("exp")
    if not isinstance(ends, int) or not isinstance(made, int):
        return None
    return TokenLife(made, ends)


def _check_subject(subject: str) -> None:
    if subject != DNS_SUBJECT:
        subject_id("any", subject)  # raises for a subject that could not become an id


def _signature(key: bytes, signed: str) -> str:
    _check_length(key, "key of workload tokens")
    return base64url(hmac.digest(key, signed.encode(), "sha256"))


def _check_length(key: bytes, what: str) -> None:
    if len(key) < _SHORTEST_KEY:
        raise InvalidInput(f"{what} has {len(key)} bytes, but must have at least {_SHORTEST_KEY}")
