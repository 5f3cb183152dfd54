"""The bodies of `users/NAME/token`, `/certificate` and `/revoke`: what is asked for and given."""

from pydantic import Field

from federation.api.base import Ours, Text

LONGEST_SECONDS = 365 * 86_400
USUAL_SECONDS = 30 * 86_400
_LONGEST_PEM = 4_096


class UserTokenSpec(Ours):
    """What token is wanted."""

    expiration_seconds: int = Field(
        default=USUAL_SECONDS,
        ge=60,
        le=LONGEST_SECONDS,
        alias="expirationSeconds",
        description="In how many seconds it expires; 30 days by default, 365 at most.",
    )


class UserTokenStatus(Ours):
    """The token."""

    id: str = Field(default="", description="Its id, for revoking it.")
    token: str = Field(default="", description="The token itself; it is told here and never again.")
    expires: str = Field(default="", description="Until when it is accepted (RFC 3339).")


class UserCertificateSpec(UserTokenSpec):
    """What certificate is wanted."""

    request: str = Field(
        min_length=1,
        max_length=_LONGEST_PEM,
        description="A certificate request (PKCS #10, PEM) by a P-256 key. Only its key counts.",
    )


class UserCertificateStatus(Ours):
    """The certificate."""

    id: str = Field(default="", description="Its id, for revoking it.")
    certificate: str = Field(default="", description="The certificate (PEM).")
    expires: str = Field(default="", description="Until when it is accepted (RFC 3339).")


class RevocationSpec(Ours):
    """What is to be refused from now on."""

    id: Text = Field(
        default="",
        max_length=64,
        description="The id of a token or certificate; empty: all that the user has.",
    )
