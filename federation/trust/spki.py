"""The public keys in certificates, found without the library that reads certificates.

A supervisor does not load that library, for the memory it takes. All keys of fedmesh are EC P-256,
and in DER such a key is 91 bytes with a beginning of its own, once in every certificate. In: PEM.
Out: keys, and whether one certificate of ours was signed by the holder of another's key. Nothing is
believed for it: it only tells what is to be renewed.
"""

import base64
import binascii
import re

_BLOCK = re.compile(
    rb"-----BEGIN CERTIFICATE-----(?P<body>[A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----"
)
_P256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
"""SubjectPublicKeyInfo of an EC P-256 key, up to the point of the curve."""
_LENGTH = 91


def public_keys(text: bytes) -> tuple[bytes, ...]:
    """The keys (SubjectPublicKeyInfo, DER) of the certificates in a PEM text, in their order.

    What cannot be read, or has a key of another kind, is left out.
    """
    found = []
    for block in _BLOCK.finditer(text):
        try:
            der = base64.b64decode(b"".join(block["body"].split()), validate=True)
        except binascii.Error:
            continue
        at = der.find(_P256)
        if at >= 0:
            found.append(der[at : at + _LENGTH])
    return tuple(found)


def is_signed_by_another(chain: bytes, anchors: bytes) -> bool:
    """Whether none of the anchors has the key that signed the first certificate of a chain.

    False as well when that cannot be told.
    """
    signers, known = public_keys(chain)[1:2], public_keys(anchors)
    return bool(signers and known) and signers[0] not in known
