"""Where the rows of accounts are.

``user#{uid}`` holds all that belongs to a user, so that one query reads it:
``profile``, ``session#{id}``, ``key#{id}``, ``credential#{id}``, and ``used#{id}``,
which tells when a session or key was last used. ``token#{lookup}`` holds what a
request's identity needs, in one row.
"""

import secrets
import string
from typing import Literal

PROFILE = "profile"
TOKEN = "token"  # noqa: S105 (a row's name)
USERNAME = "username"
INVITE = "invite"
ATTEMPTS = "attempts"
ADMINISTRATOR = ("accounts", "administrator")
"""The row that the first administrator leaves: there is only one first."""
REVOCATIONS = "revocations"
USERS = "users"
"""The partition that lists all users, a row each, by uid."""

Kind = Literal["session", "key"]

_ID_LENGTH = 25  # 36^25 > 2^128
_SMALL = string.ascii_lowercase + string.digits


def of_user(uid: str) -> str:
    """The partition of all that belongs to a user."""
    return f"user#{uid}"


def of_token(lookup: str) -> str:
    """The partition of a token's row."""
    return f"token#{lookup}"


def of_username(folded: str) -> str:
    """The partition of a case-folded username's row."""
    return f"username#{folded}"


def of_audit(uid: str) -> str:
    """The partition of what was done in a user's account."""
    return f"audit#{uid}"


def of_rate(uid: str) -> str:
    """The partition of how much a user asked for lately."""
    return f"rate#{uid}"


def identity(kind: Kind, identity_id: str) -> str:
    """The row of a session or a key, among its user's."""
    return f"{kind}#{identity_id}"


def used(identity_id: str) -> str:
    """The row that tells when a session or a key was last used, among its user's."""
    return f"used#{identity_id}"


def revocation(uid: str, identity_id: str) -> str:
    """The row that tells sockets to close, among all revocations."""
    return f"{uid}#{identity_id}"


def new_id() -> str:
    """128 random bits, lower-case letters and digits only.

    >>> new_id() != new_id()
    True
    """
    return "".join(secrets.choice(_SMALL) for _ in range(_ID_LENGTH))


def is_id(text: str) -> bool:
    """Could this be an id, and so somebody's uid?"""
    return len(text) == _ID_LENGTH and set(text) <= set(_SMALL)
