"""Makes the proxy's key and its request in a short-lived process of its own.

The cryptography library costs 11 MB of memory, and a supervisor needs it twice an hour for a
millisecond. The key goes to the supervisor over a pipe and nowhere else.
"""

import contextlib
import os
import sys

from federation.trust.issue import make_csr, new_key
from federation.trust.pem import key_pem, pem


def main() -> None:
    """Print the private key and the certificate request, both PEM."""
    key = new_key()
    with contextlib.suppress(BrokenPipeError):  # the supervisor has ended meanwhile
        os.write(sys.stdout.fileno(), key_pem(key) + pem(make_csr(key)))


if __name__ == "__main__":
    main()
