"""Certificate requests whose keys cost a server dearly once they are loaded; made by hand, in DER.

Their numbers are random: nobody holds such a key, and no signature is right.
"""

import base64
import random

_DSA = bytes.fromhex("06072a8648ce380401")
_DSA_SHA256 = bytes.fromhex("0609608648016503040302")
_RSA = bytes.fromhex("06092a864886f70d0101010500")
_RSA_SHA256 = bytes.fromhex("06092a864886f70d01010b0500")
_EC = bytes.fromhex("06072a8648ce3d0201")
_PRIME_FIELD = bytes.fromhex("06072a8648ce3d0101")
_ECDSA_SHA256 = bytes.fromhex("06082a8648ce3d040302")
_CHANCE = random.Random(49)


def dsa_request(bits: int, of_q: int = 256) -> bytes:
    """With a DSA key whose modulus has so many bits."""
    domain = _sequence(_number(bits), _number(of_q), _number(bits - 1))
    key = _sequence(_sequence(_DSA, domain), _bits(_number(bits - 1)))
    return _request(key, _DSA_SHA256, _sequence(_number(of_q - 2), _number(of_q - 2)))


def rsa_request(bits: int, of_exponent: int) -> bytes:
    """With an RSA key whose modulus and public exponent have so many bits."""
    key = _sequence(_sequence(_RSA), _bits(_sequence(_number(bits), _number(of_exponent))))
    return _request(key, _RSA_SHA256, _CHANCE.randbytes(bits // 8 - 1))


def explicit_curve_request(bits: int) -> bytes:
    """With an EC key on a curve of its own, over a field of so many bits."""
    size = bits // 8
    curve = _sequence(_tag(4, _CHANCE.randbytes(size)), _tag(4, _CHANCE.randbytes(size)))
    point = b"\4" + _CHANCE.randbytes(2 * size)
    field = _sequence(_PRIME_FIELD, _number(bits))
    domain = _sequence(b"\2\1\1", field, curve, _tag(4, point), _number(bits), b"\2\1\1")
    key = _sequence(_sequence(_EC, domain), _bits(point))
    return _request(key, _ECDSA_SHA256, _sequence(_number(255), _number(255)))


def _request(key: bytes, algorithm: bytes, signature: bytes) -> bytes:
    told = _sequence(b"\2\1\0", _sequence(), key, _tag(0xA0))
    text = base64.encodebytes(_sequence(told, _sequence(algorithm), _bits(signature)))
    name = b"CERTIFICATE REQUEST-----\n"
    return b"-----BEGIN " + name + text + b"-----END " + name


def _number(bits: int) -> bytes:
    found = _CHANCE.getrandbits(bits) | (1 << (bits - 1)) | 1
    return _tag(2, found.to_bytes(bits // 8 + 1, "big"))


def _sequence(*parts: bytes) -> bytes:
    return _tag(0x30, *parts)


def _bits(data: bytes) -> bytes:
    return _tag(3, b"\0", data)


def _tag(number: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = len(body)
    if size < 0x80:
        return bytes([number, size]) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([number, 0x80 | len(length)]) + length + body
