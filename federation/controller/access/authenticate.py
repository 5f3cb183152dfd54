"""Who shows what: the admin token, a user's token, or a user's certificate.

In: the Authorization header, the certificate of the TLS peer, and now. Out: a `Caller`, None for a
stranger. Where there is such a header, it alone counts: a wrong token is not made good by a
certificate.
"""

import logging
from datetime import UTC, datetime
from hashlib import sha256

from cryptography import x509

from federation.api.v1alpha1.access import RESERVED_PREFIXES
from federation.apiserver.caller import ADMIN, ADMINS, Authenticate, Caller, known
from federation.controller.access.users import Users
from federation.model.errors import Denied
from federation.runtime.limited_log import LimitedLog
from federation.trust.join_tokens import secret_hash
from federation.trust.token_text import equal
from federation.trust.user_tokens import parse_user_token
from federation.trust.validate_users import verify_user

log = logging.getLogger(__name__)

ADMIN_TOKEN = "admin token"  # noqa: S105 - what it is called
CREDENTIAL = "fedmesh.dev/credential"
"""The field of `extra` that says by what a user is known, as `kubectl auth whoami` shows it."""
_NO_HASH = "0" * 64


def authenticator(
    users: Users, admin_token: str, root: x509.Certificate, domain: str
) -> Authenticate:
    """How this controller knows who asks."""
    admin_hash = secret_hash(admin_token) if admin_token else ""
    refused = LimitedLog(log)

    def authenticate(header: str, certificate: bytes | None, now: float) -> Caller | None:
        try:
            if header:
                return _by_token(users, admin_hash, header, now)
            return _by_certificate(users, certificate, root, domain, now) if certificate else None
        except Denied as reason:
            refused.say("credential refused", reason=reason)
            return None

    return authenticate


def _by_token(users: Users, admin_hash: str, header: str, now: float) -> Caller | None:
    scheme, _, text = header.partition(" ")
    if scheme.lower() != "bearer" or not text:
        return None
    shown = sha256(text.encode(errors="surrogateescape")).hexdigest()  # it may hold any bytes
    if admin_hash and equal(shown, admin_hash):
        return known(ADMIN, (ADMINS,), ADMIN_TOKEN)
    token = parse_user_token(text)
    if token is None:
        return None
    name, record = users.token(token.id) or ("", None)
    is_right = equal(secret_hash(token.secret), record.secret_sha256 if record else _NO_HASH)
    if record is None or not is_right:
        return None
    if now >= record.expires:
        raise Denied(f"token {record.id} of user {name} has expired")
    return _user(users, name, f"token {record.id}")


def _by_certificate(
    users: Users, der: bytes, root: x509.Certificate, domain: str, now: float
) -> Caller | None:
    found = users.certificate(sha256(der).hexdigest())
    if found is None:
        return None
    name, record = found
    says, _ = verify_user(der, root=root, domain=domain, now=datetime.fromtimestamp(now, UTC))
    if says != name or now >= record.expires:
        raise Denied(f"certificate {record.id} of user {name} is not valid")
    return _user(users, name, f"certificate {record.id}")


def _user(users: Users, name: str, how: str) -> Caller:
    user = users.active(name)
    if user is None:
        raise Denied(f"user {name} of {how} is not there any more, or is disabled")
    groups = tuple(g for g in user.groups if not g.startswith(RESERVED_PREFIXES))
    return known(name, groups, how, uid=user.uid, extra=((CREDENTIAL, (how,)),))
