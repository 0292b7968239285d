"""What archives of characters share: pictures inside, and where assets are kept."""

from chalicelib.cards.archives import safe_name

_STARTS = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpg", b"GIF87a": "gif", b"GIF89a": "gif"}
_RIFF, _WEBP, _WEBP_AT = b"RIFF", b"WEBP", 8

EMBEDDED = "embeded://"
"""As the specification of version 3 spells it."""

_SPELLINGS = (EMBEDDED, "embedded://")


def suffix_of(data: bytes) -> str | None:
    """How the name of a picture of this kind ends; None for what starts like no picture."""
    if data.startswith(_RIFF) and data.startswith(_WEBP, _WEBP_AT):
        return "webp"
    return next((suffix for start, suffix in _STARTS.items() if data.startswith(start)), None)


def embedded_path(uri: object) -> str | None:
    """The name in the archive that an asset's URI means; None for URIs of other kinds."""
    if not isinstance(uri, str):
        return None
    for spelling in _SPELLINGS:
        if uri[: len(spelling)].lower() == spelling:
            return safe_name(uri[len(spelling) :])
    return None
