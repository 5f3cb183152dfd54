"""When a certificate is renewed.

In: its times and now. Out: a time or a yes. The shells that hold keys ask; they add no jitter of
their own to the answer, since members join at different times anyway.
"""

from datetime import datetime

from cryptography import x509


def renew_at(not_before: datetime, not_after: datetime) -> datetime:
    """Half of the life: the other half is the time in which renewing may fail.

    Both times carry a zone. Also right for a certificate cut short by its issuer's end.
    """
    return not_before + (not_after - not_before) / 2


def is_due(cert: x509.Certificate, now: datetime) -> bool:
    """Whether the certificate should be renewed now; still true after it has run out."""
    return now >= renew_at(cert.not_valid_before_utc, cert.not_valid_after_utc)
