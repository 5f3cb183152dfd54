"""The body of `clusters/NAME/jointoken`: what is asked for, and the token, which is told once."""

from typing import Annotated

from pydantic import Field

from federation.api.base import OurDocument, Ours

LONGEST_SECONDS = 7 * 86_400
"""A token that lies about for longer is more likely found than used."""


class JoinTokenSpec(Ours):
    """What token is wanted."""

    expiration_seconds: int = Field(
        default=3_600,
        ge=1,
        le=LONGEST_SECONDS,
        alias="expirationSeconds",
        description="In how many seconds it expires. An hour is enough to carry it to the cluster.",
    )


class JoinTokenStatus(Ours):
    """The token."""

    id: str = Field(default="", description="Its id, for revoking it.")
    token: str = Field(default="", description="The token itself; it is told here and never again.")
    expires: str = Field(default="", description="Until when it can be used (RFC 3339).")


class JoinTokenDocument(OurDocument):
    """A JoinToken."""

    spec: Annotated[JoinTokenSpec, Field(description="What token is wanted.")] = Field(
        default=JoinTokenSpec()
    )
