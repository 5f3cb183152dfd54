"""TLS of the API: a key and chain that lie in memory only, and can be shown anew."""

import os
import ssl

from federation.wire.rpc.channel import Identity


def tls_context(identity: Identity) -> ssl.SSLContext:
    """TLS 1.3 (and 1.2) of a server that shows this key and chain.

    A client may show a certificate of the identity's root, and need not: what it is worth is
    judged later (`federation.apiserver.caller.Authenticate`).
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cadata=identity.roots.decode())
    context.verify_mode = ssl.CERT_OPTIONAL
    show(context, identity)
    return context


def show(context: ssl.SSLContext, identity: Identity) -> None:
    """Show another key and chain from the next connection on.

    The library reads them from files only: this one lies in memory, and nowhere on a disk.
    """
    handle = os.memfd_create("api", os.MFD_CLOEXEC)
    try:
        os.write(handle, identity.key + identity.chain)
        context.load_cert_chain(f"/proc/self/fd/{handle}")
    finally:
        os.close(handle)
