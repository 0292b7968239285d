"""Where a page of a list ended, as text for a client to come back with."""

import base64
import binascii

from chalicelib.errors import InvalidInput

_MAX_BYTES = 1000


def sealed(key: str) -> str:
    """The cursor for the row with this key.

    >>> opened(sealed("name/夜/1"), "name/")
    'name/夜/1'
    """
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def opened(cursor: str, prefix: str) -> str:
    """The key that a cursor is for; ``InvalidInput`` if it is none of these rows'."""
    try:
        key = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, ValueError):
        key = ""
    if not key.startswith(prefix) or len(key.encode()) > _MAX_BYTES:
        raise InvalidInput.field("cursor", "the nextCursor of a page in this order is expected")
    return key
