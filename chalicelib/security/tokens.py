"""Tokens: ``ctsk_`` or the like, an id to look up, a secret, and a checksum.

They look like GitHub's: a prefix that secret scanners find, letters and digits only,
and a CRC-32 that tells a mistyped or cut one without a look at the store.
https://github.blog/engineering/behind-githubs-new-authentication-token-formats/
"""

import hashlib
import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass, field

SERVICE_KEY = "ctsk_"
SESSION = "cts_"
SOCKET_TICKET = "ctt_"

_PREFIXES = (SERVICE_KEY, SESSION, SOCKET_TICKET)
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_LOOKUP_LENGTH = 16
_SECRET_LENGTH = 30  # 178 bits
_CHECKSUM_LENGTH = 6  # 62^6 > 2^32
_FORMAT = re.compile(
    rf"({'|'.join(_PREFIXES)})([0-9A-Za-z]{{{_LOOKUP_LENGTH}}})"
    rf"([0-9A-Za-z]{{{_SECRET_LENGTH}}})([0-9A-Za-z]{{{_CHECKSUM_LENGTH}}})"
)


@dataclass(frozen=True, slots=True)
class Token:
    """A new token. ``text`` is shown once, ``lookup`` and ``hash`` are stored."""

    text: str = field(repr=False)
    lookup: str
    hash: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """A token as somebody presents it: well formed, and not yet known to be one of ours."""

    prefix: str
    lookup: str
    secret: str = field(repr=False)


def mint(prefix: str, lookup: str | None = None) -> Token:
    """A new token; ``prefix`` is one of the three of this module, else ``ValueError``.

    With a ``lookup`` it shares another token's, and is found where that one is.
    """
    if prefix not in _PREFIXES:
        raise ValueError(f"{prefix!r} is no prefix of a token")
    parsed = Parsed(prefix, lookup or _random(_LOOKUP_LENGTH), _random(_SECRET_LENGTH))
    text = _body(parsed) + _checksum(_body(parsed))
    if _FORMAT.fullmatch(text) is None:
        raise ValueError(f"{lookup!r} is no look-up id")
    return Token(text, parsed.lookup, hash_of(parsed))


def parse(text: str) -> Parsed | None:
    """The parts of a token; None if it is none, or its checksum is wrong."""
    found = _FORMAT.fullmatch(text)
    if found is None:
        return None
    prefix, lookup, secret, checksum = found.groups()
    parsed = Parsed(prefix, lookup, secret)
    return parsed if checksum == _checksum(_body(parsed)) else None


def matches(parsed: Parsed, stored: str) -> bool:
    """Whether it is the token of a stored hash; takes the same time for every wrong one."""
    return hmac.compare_digest(hash_of(parsed).encode(), stored.encode())


def hash_of(parsed: Parsed) -> str:
    """What is stored of a token, in hex.

    One round of SHA-256 is enough: a slow hash makes up for passwords that can be
    guessed, and nobody tries 2^178 secrets. Prefix and look-up id are in it, so a
    service key cannot be made into a session.
    """
    return hashlib.sha256(_body(parsed).encode()).hexdigest()


def _body(parsed: Parsed) -> str:
    return parsed.prefix + parsed.lookup + parsed.secret


def _random(length: int) -> str:
    return "".join(secrets.choice(_DIGITS) for _ in range(length))


def _checksum(body: str) -> str:
    """CRC-32 in base 62, the highest digit first."""
    number = zlib.crc32(body.encode())
    found = ""
    for _ in range(_CHECKSUM_LENGTH):
        number, digit = divmod(number, len(_DIGITS))
        found = _DIGITS[digit] + found
    return found
