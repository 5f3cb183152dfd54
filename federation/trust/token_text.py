"""What both kinds of tokens are made of: JSON as base64url text, compared in constant time."""

import base64
import hmac
import json

LONGEST_TOKEN = 4096


def encode(values: dict[str, str | int]) -> str:
    """Values as text; equal values give equal text."""
    return base64url(json.dumps(values, sort_keys=True, separators=(",", ":")).encode())


def base64url(data: bytes) -> str:
    """Bytes as text, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> dict[str, object] | None:
    """The values in a text; None for any other text."""
    # Deep nesting ends in RecursionError, which is no ValueError.
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        values = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def equal(one: str, other: str) -> bool:
    """Whether two texts are equal, in a time that does not say where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())
