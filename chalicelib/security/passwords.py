"""Passwords, kept as what argon2id makes of them (RFC 9106), in the PHC string format.

The parameters are those of OWASP for argon2id with the least memory:
https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
"""

import os
import re
import unicodedata

from chalicelib.slots import Slots

MEMORY_KIB = 19_456
PASSES = 2
LANES = 1

DUMMY_HASH = (
    "$argon2id$v=19$m=19456,t=2,p=1"
    "$lSxKmXJ3IWIWmQllFEG1wg$bEc7ocq//skoHFl9OCQhDr+k+dmN6c9kmiaYj/LJQOM"
)
"""What to verify against where there is no user, so that it takes as long.

No password is known that has this hash.
"""

_HASH_BYTES = 32
_SALT_BYTES = 16
_PHC = re.compile(
    r"\$argon2id\$v=19\$m=([0-9]{1,9}),t=([0-9]{1,9}),p=([0-9]{1,9})"
    r"\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+"
)


# 19 MiB each: the front of the one-machine stack has many threads, a function has one.
_slots = Slots("sign-ins", count=4, seconds=5)


def hash_password(password: str) -> str:
    """A PHC string with a salt of its own; takes some 40 ms and 19 MiB; ``TooManyRequests``."""
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    method = Argon2id(
        salt=os.urandom(_SALT_BYTES),
        length=_HASH_BYTES,
        iterations=PASSES,
        lanes=LANES,
        memory_cost=MEMORY_KIB,
    )
    with _slots:
        return method.derive_phc_encoded(_bytes(password))


def verify(password: str, phc: str) -> bool:
    """Whether it is the password of a hash; ``TooManyRequests``.

    A string that is no argon2id hash belongs to no password.
    """
    from cryptography.exceptions import InvalidKey
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    try:
        with _slots:
            Argon2id.verify_phc_encoded(_bytes(password), phc)
    except (InvalidKey, ValueError):
        return False
    return True


def needs_rehash(phc: str) -> bool:
    """Whether a hash was made with less than today's parameters."""
    found = _PHC.fullmatch(phc)
    if found is None:
        return True
    memory, passes, lanes = map(int, found.groups())
    return memory < MEMORY_KIB or passes < PASSES or lanes < LANES


def _bytes(password: str) -> bytes:
    """One password typed on two systems may come in two forms (RFC 8265, 4.2.2: NFC)."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
