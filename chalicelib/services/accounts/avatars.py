"""Where users' pictures are, and at which address they are shown.

The address holds a hash of the picture, so that it never shows another one, and a random
part, so that it never comes back: who sets an old picture again cannot be hit by the
removal of the old one. Both are in the name of the object, below the user's own folder.
"""

import re
import secrets
from collections.abc import Mapping
from typing import Any

_UID = re.compile(r"[a-z0-9_]{1,64}")
_NAME = re.compile(r"[0-9a-f]{64}-[0-9a-f]{16}\.(png|jpg|gif|webp)")


def new_name(digest: str, suffix: str) -> str:
    """The name of an object for a picture with this SHA-256 (hexadecimal)."""
    return f"{digest}-{secrets.token_hex(8)}.{suffix}"


def key_of(uid: str, name: str) -> str | None:
    """The key of a user's picture; None for what is no name of one."""
    if _UID.fullmatch(uid) is None or _NAME.fullmatch(name) is None:
        return None
    return f"users/{uid}/avatar/{name}"


def url_of(profile: Mapping[str, Any]) -> str | None:
    """The address of the picture that a profile's row names, if it names one."""
    avatar = profile.get("avatar")
    return None if avatar is None else f"/api/users/avatar/{profile['uid']}/{avatar['name']}"
