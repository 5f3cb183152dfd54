"""Bearer tokens of the API's users.

In: an id and a secret that a shell made. Out: the token as text, and back. Only the hash of the
secret is kept anywhere (`federation.trust.join_tokens.secret_hash`).

    fmu1.<id: 16 hexadecimal digits>.<secret: 43 characters of base64url, 256 bits>
"""

import re
from dataclasses import dataclass, field

from federation.model.errors import InvalidInput

_TOKEN = re.compile(r"fmu1\.(?P<id>[0-9a-f]{16})\.(?P<secret>[A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class UserToken:
    """The two parts of a token; the id is public."""

    id: str
    secret: str = field(repr=False)


def format_user_token(token: UserToken) -> str:
    """The token as text; raises InvalidInput for one that could not be read back."""
    text = f"fmu1.{token.id}.{token.secret}"
    if parse_user_token(text) is None:
        raise InvalidInput("token of a user must have an id of 16 digits and 43 characters")
    return text


def parse_user_token(text: str) -> UserToken | None:
    """The token in a text, None for any other text."""
    match = _TOKEN.fullmatch(text)
    return UserToken(match["id"], match["secret"]) if match else None
