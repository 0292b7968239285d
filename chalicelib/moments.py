"""Moments as documents and answers have them."""

from datetime import UTC, datetime


def timestamp(moment: float) -> str:
    """A moment in seconds since 1970, as ISO 8601 with milliseconds and Z.

    >>> timestamp(1.5)
    '1970-01-01T00:00:01.500Z'
    """
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
